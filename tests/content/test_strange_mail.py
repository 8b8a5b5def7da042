"""Mail that was made to be a burden: it is shown as far as it can be read, and never raises."""

import json

import pytest

from senddock.content.headers import decoded
from senddock.content.reading import file_of, read_parts

DEEP = b"Content-Type: multipart/mixed; boundary=a0\r\n\r\n" + b"".join(
    b"--a%d\r\nContent-Type: multipart/mixed; boundary=a%d\r\n\r\n" % (number, number + 1) for number in range(3000)
)


@pytest.mark.parametrize(
    "value",
    [b"a\0b", b"=?utf-8?q?a=00b?=", b"=?utf-7?q?+2AA-?=", b"=?unicode_escape?q?=5Cud800?=", b"=?idna?q?xn--?=", b"=?x?q?=ff?=",
     b"=?utf-16?b?ANg=?=", b"=?utf-8?b?!?=", b"\xff\xfe"],
)  # fmt: skip
def test_a_header_is_text_that_can_be_stored(value: bytes) -> None:
    text = decoded(b"Subject: " + value + b"\r\n")
    assert "\0" not in text
    assert json.loads(json.dumps(text).encode()) == text
    text.encode()


@pytest.mark.parametrize(
    "charset",
    ["utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "hex", "a\0b", "\xff", "utf-16"],
)
def test_a_part_in_any_charset_is_text_that_can_be_shown(charset: str) -> None:
    head = f'Content-Type: text/plain; charset="{charset}"\r\n\r\n'.encode("latin-1")
    text = read_parts(b"Subject: x\r\n" + head + b"+2AA- \\ud800 \0 \xff xn--\r\n").text
    assert text is not None
    assert "\0" not in text
    text.encode()


def test_names_of_files_are_text_too() -> None:
    named = b"Content-Type: application/x\r\nContent-Disposition: attachment; filename*=utf-7''%2B2AA-%00\r\n\r\nx\r\n"
    (file,) = read_parts(named).files
    file.filename.encode()
    assert "\0" not in file.filename


def test_parts_within_parts_without_end_are_not_followed() -> None:
    found = read_parts(DEEP)
    assert (found.text, found.html, found.files) == (None, None, [])
    assert found.headers[0][0] == "Content-Type"
    assert file_of(DEEP, 1) is None
