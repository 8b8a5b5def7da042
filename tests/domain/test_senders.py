"""Who may be the From of a message, and what is said about addresses and names that will not be liked."""

import pytest

from senddock.domain.senders import (
    GOOD_ADDRESSES,
    GOOD_NAMES,
    from_remarks,
    keeps_mailbox,
    may_send_from,
    name_remarks,
    public_mailbox,
    why_not,
)


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
@pytest.mark.parametrize("name", GOOD_NAMES)
def test_the_documentations_good_examples_pass_without_a_word(address: str, name: str) -> None:
    assert from_remarks(address, name) == []


@pytest.mark.parametrize(
    ("address", "name", "field", "level"),
    [
        ("noreply@myapp.com", "MyApp", "from_email", "warn"),
        ("No-Reply@myapp.com", "MyApp", "from_email", "warn"),
        ("no.reply+news@myapp.com", "MyApp", "from_email", "warn"),
        ("DoNotReply@example.com", "MyApp", "from_email", "warn"),
        ("info@gmail.com", "MyApp", "from_email", "error"),
        ("hello@myapp.com", "No Reply", "from_name", "warn"),
        ("hello@myapp.com", "no-reply", "from_name", "warn"),
        ("info@myapp.com", "info@myapp.com", "from_name", "warn"),
        ("info@myapp.com", '"Info@MyApp.com"', "from_name", "warn"),
        ("info@myapp.com", "", "from_name", "warn"),
        ("info@myapp.com", None, "from_name", "warn"),
    ],
)
def test_the_documentations_bad_examples_are_remarked_on(
    address: str, name: str | None, field: str, level: str
) -> None:
    assert [(item.field, item.level) for item in from_remarks(address, name)] == [(field, level)]


@pytest.mark.parametrize("address", ["reply@myapp.com", "nora.replyson@myapp.com", "northeast@myapp.com"])
def test_other_addresses_are_not_taken_for_noreply(address: str) -> None:
    assert from_remarks(address, "MyApp") == []


def test_remarks_show_the_good_examples() -> None:
    texts = " ".join(
        item.text for item in [*from_remarks("noreply@myapp.com", None), *name_remarks("a@b.de", "No Reply")]
    )
    assert "hello@myapp.com" in texts
    assert GOOD_NAMES[0] in texts


@pytest.mark.parametrize(
    "domain",
    "gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.com.br outlook.com outlook.de hotmail.com hotmail.it "
    "live.nl msn.com aol.com icloud.com me.com gmx.de web.de yandex.ru proton.me mail.ru qq.com GMail.com".split(),
)
def test_public_mailbox_domains_are_known(domain: str) -> None:
    assert public_mailbox(domain) is not None
    assert why_not("any", ["myapp.com"], "email-smtp.eu-west-1.amazonaws.com", domain) is not None


@pytest.mark.parametrize(
    "domain", "myapp.com yahoo.myapp.com live.myapp.io mygmail.com outlook.agency live.com.example".split()
)
def test_other_domains_are_not_taken_for_public_ones(domain: str) -> None:
    assert public_mailbox(domain) is None


@pytest.mark.parametrize(
    ("domain", "host", "keeps"),
    [
        ("gmail.com", "smtp.gmail.com", True),
        ("gmail.com", "SMTP-relay.gmail.com.", True),
        ("outlook.com", "smtp-mail.outlook.com", True),
        ("hotmail.fr", "smtp.office365.com", True),
        ("yahoo.com", "smtp.mail.yahoo.com", True),
        ("icloud.com", "smtp.mail.me.com", True),
        ("gmail.com", "smtp.notgmail.com", False),
        ("gmail.com", "gmail.com.evil.example", False),
        ("gmail.com", "smtp.mail.yahoo.com", False),
    ],
)
def test_only_the_service_itself_may_send_for_its_mailboxes(domain: str, host: str, keeps: bool) -> None:
    assert keeps_mailbox(domain, host) is keeps
    assert (why_not("any", ["myapp.com"], host, domain) is None) is keeps


@pytest.mark.parametrize(
    ("policy", "domain", "allowed"),
    [
        ("any", "else.example", True),
        ("own", "myapp.com", True),
        ("own", "news.myapp.com", True),
        ("own", "shop.example", True),
        ("own", "else.example", False),
        ("own", "notmyapp.com", False),
        ("rewrite", "else.example", False),
        ("rewrite", "myapp.com", True),
    ],
)
def test_a_policy_decides_which_domains_are_sent_from(policy: str, domain: str, allowed: bool) -> None:
    own = ["MyApp.com", "shop.example"]
    assert may_send_from(policy, own, domain) is allowed
    # A provider that rewrites carries everything: what leaves has its own From.
    assert (why_not(policy, own, "smtp.example.com", domain) is None) is (allowed or policy == "rewrite")
