"""A verdict hangs on what a reply means: not on capitals, hosts, ids, links, wrappers, or which of the like codes it has."""

import re
from collections.abc import Iterator

import pytest

from senddock.domain.reply import Stage, parse_reply
from senddock.domain.verdict import Verdict, judge
from tests.domain.test_observed_replies import VERDICTS, decision_of

_CODED = re.compile(r"^(\d{3})[ -](?:(\d\.\d+\.\d+)[ -])?(.*)$")
_LIKE_CODES = (("421", "450", "451", "452"), ("550", "552", "553", "554"))
#: Of all variations of one kind, in thousandths: some replies' words are nothing but their code.
_MOST = 10


def _decorated(line: str) -> Iterator[tuple[str, str]]:
    yield "upper", line.upper()
    yield "lower", line.lower()
    yield "blanks", line.replace(" ", "  ")
    yield "full stop", line.rstrip(".") + "."
    yield "id", f"{line} x1si4kd95ejc.12 - gsmtp"
    yield "queue id", f"{line} (id 4Wy9rT58Rpz)"
    yield "link", f"{line} https://support.example.com/policy/spam-blocked?x=quota&auth=relay"
    yield "host", f"{line} [mx7.relay.blocked-spam.example.com]"


def _wrapped(code: str, enhanced: str, text: str) -> Iterator[tuple[str, str]]:
    line = f"{code} {enhanced}{text}"
    words = text.split(" ")
    half = len(words) // 2
    if half > 1:
        yield "lines", f"{code}-{enhanced}{' '.join(words[:half])} {code} {enhanced}{' '.join(words[half:])}"
    yield "Postfix", f"host mx.example.com[192.0.2.1] said: {line}"
    yield "Nodemailer", f"Error: Message failed: {line}"
    yield "smtplib", f"smtplib.SMTPDataError: ({code}, b'{enhanced}{text}')"
    detail = f"SMTP server error: DATA END command failed Detail: {text} SMTP code: {code}"
    yield "PHPMailer", detail + (f" Additional SMTP info: {enhanced.strip()}" if enhanced else "")
    if "@" not in text and "<" not in text:
        yield "mailbox", f"{code} {enhanced}<spam.quota-full@relay.blocked.example.com>: {text}"


def _recoded(code: str, enhanced: str, text: str) -> Iterator[tuple[str, str]]:
    if enhanced:
        yield "no enhanced code", f"{code} {text}"
    for codes in _LIKE_CODES:
        if code in codes:
            for other in codes:
                if other != code:
                    yield f"code {other}", f"{other} {enhanced}{text}"


def _variations(line: str, verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield from _decorated(line)
    coded = _CODED.match(line)
    if coded:
        code, enhanced, text = coded.group(1), f"{coded.group(2)} " if coded.group(2) else "", coded.group(3)
        yield from _wrapped(code, enhanced, text)
        if not verdict.rule.startswith(("code:", "enhanced:")):
            yield from _recoded(code, enhanced, text)


def _changed() -> dict[str, tuple[int, list[str]]]:
    found: dict[str, tuple[int, list[str]]] = {}
    for row, verdict in VERDICTS:
        stage = Stage(row["stage"]) if row["stage"] else None
        for kind, line in _variations(row["line"], verdict):
            other = judge(parse_reply(line, stage))
            count, changed = found.get(kind, (0, []))
            if (other.cls, decision_of(other)) != (verdict.cls, decision_of(verdict)):
                changed.append(f"{line} | {verdict.rule} -> {other.rule}")
            found[kind] = (count + 1, changed)
    return found


CHANGED = _changed()


def test_there_are_many_variations() -> None:
    assert sum(count for count, _ in CHANGED.values()) > 20_000


@pytest.mark.parametrize("kind", CHANGED)
def test_what_does_not_change_the_meaning_does_not_change_the_verdict(kind: str) -> None:
    count, changed = CHANGED[kind]
    # Among "code 421" and its like are replies that a rule takes for greylisting or a mailbox only with their own code.
    allowed = 3 if kind.startswith("code ") else max(1, count * _MOST // 1000)
    assert len(changed) <= allowed, "\n".join(changed)
