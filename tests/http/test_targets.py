"""Where a call may go: public https only, unless the operator allowed a private network, and never to metadata."""

import pytest

from senddock.http.target import BadTarget, parse, resolve


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/hooks",
        "ftp://app.example.com/",
        "app.example.com/hooks",
        "https:///hooks",
        "https://user:pw@app.example.com/",
        "https://app.example.com/#x",
        "https://app.example.com:99999/",
        "https://app.example.com/a b",
        "https://app.example.com/\r\nX: y",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.1.2.3/",
        "https://192.168.1.1/",
        "https://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::127.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://169.254.169.254/latest/meta-data",
        "https://" + "a" * 2001,
    ],
)
def test_it_refuses_what_is_no_public_https_address(url: str) -> None:
    with pytest.raises(BadTarget):
        parse(url)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "[fd00:ec2::254]", "100.100.100.200", "224.0.0.1"]
)
def test_metadata_and_link_local_addresses_are_refused_whatever_was_allowed(host: str) -> None:
    with pytest.raises(BadTarget):
        parse(f"http://{host}/", private_network=True)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "a..b", "x" * 70])
def test_a_name_or_number_that_leads_to_this_machine_is_refused_when_it_is_resolved(name: str) -> None:
    with pytest.raises((BadTarget, OSError)):
        resolve(parse(f"https://{name}/"))


def test_a_private_network_can_be_allowed() -> None:
    target = parse("http://127.0.0.1:8080/hooks?x=1", private_network=True)
    assert (target.https, target.port, target.path, target.authority) == (False, 8080, "/hooks?x=1", "127.0.0.1:8080")
    assert resolve(target, private_network=True) == "127.0.0.1"


def test_public_addresses_pass() -> None:
    target = parse("https://[2606:4700::1111]/x")
    assert (target.host, target.port, target.authority) == ("2606:4700::1111", 443, "[2606:4700::1111]")
