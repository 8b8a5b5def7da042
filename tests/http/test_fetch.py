"""Fetching what somebody else named, from a real HTTPS server on loopback that only the test allows to be reached."""

import ssl
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import trustme

from senddock.http.fetch import NotFetched, Reach, fetch
from tests.dns_server import DnsServer
from tests.http.server import FileServer, file, moved

MOST = 100_000


@pytest.fixture
def trusted(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def files(server_tls: ssl.SSLContext) -> Iterator[FileServer]:
    server = FileServer({"/a%20b.pdf": file(b"%PDF", Content_Type="application/pdf; x=y")}, server_tls)
    yield server
    server.stop()


@pytest.fixture
def get(files: FileServer, trusted: ssl.SSLContext) -> Callable[..., Any]:
    def ask(path: str, *, host: str = "localhost", seconds: float = 20.0, **reach: Any) -> Any:
        url = path if "://" in path else f"https://{host}:{files.port}{path}"
        given = Reach(seconds, **{"private_network": True, "tls": trusted, **reach})
        return fetch(url, most=MOST, deadline=time.monotonic() + seconds, reach=given)

    return ask


def test_a_file_comes_with_its_type_and_name(files: FileServer, get: Callable[..., Any]) -> None:
    found = get("/a%20b.pdf")
    assert (found.data, found.content_type, found.filename) == (b"%PDF", "application/pdf", "a b.pdf")
    assert files.asked == [(f"localhost:{files.port}", "/a%20b.pdf")]


def test_a_type_that_is_none_is_left_out_and_chunks_are_put_together(
    files: FileServer, get: Callable[..., Any]
) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Content-Type", "nonsense")
        handler.end_headers()
        handler.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    files.answers["/"] = chunked
    found = get("/")
    assert (found.data, found.content_type, found.filename) == (b"abcde", None, None)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/a",
        "https://localhost:{port}/a",
        "https://[::1]:{port}/a",
        "https://0x7f000001:{port}/a",
        "https://10.0.0.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:169.254.169.254]/",
        "https://user:secret@example.com/a",
        "file:///etc/passwd",
        "gopher://example.com/",
    ],
)
def test_what_is_not_public_is_refused_and_not_called(files: FileServer, trusted: ssl.SSLContext, url: str) -> None:
    with pytest.raises(NotFetched):
        fetch(url.format(port=files.port), most=MOST, deadline=time.monotonic() + 20, reach=Reach(tls=trusted))
    assert files.asked == []


def test_http_is_refused_even_where_private_networks_are_allowed(get: Callable[..., Any]) -> None:
    with pytest.raises(NotFetched, match="https only"):
        get("http://127.0.0.1:1/a")


def test_the_name_is_asked_once_and_that_address_is_called(
    files: FileServer, get: Callable[..., Any], dns_zone: Callable[..., DnsServer]
) -> None:
    dns = dns_zone({"localhost": ["A 127.0.0.1"]})
    resolver = dns.resolver()

    def lookup(host: str, _: int) -> list[str]:
        found = list(resolver.lookup(host, "A").values)
        # From now on the name leads elsewhere, as in an attack by DNS rebinding.
        dns.zone["localhost"] = ["A 127.0.0.77"]
        return found

    assert get("/a%20b.pdf", lookup=lookup).data == b"%PDF"
    assert [name for _, name, _ in dns.asked] == ["localhost"]


def test_one_private_address_among_public_ones_is_refused(get: Callable[..., Any], files: FileServer) -> None:
    with pytest.raises(NotFetched, match="private network"):
        get("/a%20b.pdf", lookup=lambda *_: ["93.184.216.34", "127.0.0.1"], private_network=False)
    assert files.asked == []


def test_redirects_are_followed_where_each_place_is_allowed(files: FileServer, get: Callable[..., Any]) -> None:
    files.answers |= {"/one": moved("/two"), "/two": moved(f"https://127.0.0.1:{files.port}/a%20b.pdf", 307)}
    assert get("/one").data == b"%PDF"
    files.answers["/round"] = moved("/round")
    with pytest.raises(NotFetched, match="redirected more than 3 times"):
        get("/round")
    for place in (
        "http://example.com/a",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://x:y@a.example/",
    ):
        files.answers["/trick"] = moved(place)
        with pytest.raises(NotFetched):
            get("/trick")


def test_a_redirect_to_a_name_that_leads_to_the_metadata_service_is_refused(
    files: FileServer, get: Callable[..., Any]
) -> None:
    files.answers["/one"] = moved("https://inside.example/secret")
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    with pytest.raises(NotFetched, match=r"169\.254\.169\.254"):
        get("/one", lookup=lambda *_: answers.pop(0))
    assert answers == []


def test_a_file_that_is_too_large_is_refused_whether_or_not_it_says_so(
    files: FileServer, get: Callable[..., Any]
) -> None:
    def unsaid(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not files.over.is_set():
            handler.wfile.write(b"x" * 10_000)

    files.answers |= {"/said": file(b"x" * (MOST + 1)), "/unsaid": unsaid, "/most": file(b"x" * MOST)}
    with pytest.raises(NotFetched, match="100001 octets; at most 100000"):
        get("/said")
    with pytest.raises(NotFetched, match="more than the 100000"):
        get("/unsaid")
    assert len(get("/most").data) == MOST


@pytest.mark.parametrize("head", [True, False], ids=["body", "header"])
def test_a_slow_drip_ends_at_the_deadline(files: FileServer, get: Callable[..., Any], head: bool) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        if head:
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        # One octet at a time, for ever: each wait is shorter than any time-out for a single one.
        while not files.over.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    files.answers["/slow"] = drip
    with pytest.raises(NotFetched, match="no answer within"):
        get("/slow", seconds=0.6)


def test_a_server_that_never_speaks_ends_at_the_deadline(files: FileServer, get: Callable[..., Any]) -> None:
    files.answers["/mute"] = lambda _: files.over.wait(60) and None
    with pytest.raises(NotFetched, match="no answer within"):
        get("/mute", seconds=0.6)


def test_what_is_not_the_whole_file_is_no_file(files: FileServer, get: Callable[..., Any]) -> None:
    files.answers |= {
        "/cut": file(b"half", Content_Length="8"),
        "/gzip": file(b"\x1f\x8b", Content_Encoding="gzip"),
    }
    for path, said in (("/cut", "broke off"), ("/gzip", "compressed"), ("/none", "answered with 404")):
        with pytest.raises(NotFetched, match=said):
            get(path)


def test_a_certificate_that_is_not_trusted_or_for_another_name_is_refused(
    files: FileServer, get: Callable[..., Any]
) -> None:
    with pytest.raises(NotFetched, match="certificate is not trusted"):
        get("/a%20b.pdf", tls=None)
    with pytest.raises(NotFetched, match="certificate is not trusted"):
        get("/a%20b.pdf", host="other.example", lookup=lambda *_: ["127.0.0.1"])
    with pytest.raises(NotFetched, match="not found in the DNS"):
        get("/a", host="nothing.invalid")
    assert files.asked == []
