"""Sentences that are stored in English are told in the reader's language, without a change to what servers said."""

import re

import pytest

from senddock.web.language import catalogue
from senddock.web.locale.domain_words import CONTEXT
from senddock.web.retelling import Teller

SPANISH = Teller(catalogue("es"))
_TEMPLATES = sorted(
    key.partition("\x04")[2]
    for key in catalogue("es")._catalog
    if isinstance(key, str) and key.startswith(CONTEXT)  # type: ignore[attr-defined]
)
_PLACE = re.compile(r"%\(\w+\)s")


def filled(template: str) -> str:
    """With values that are no words of ours."""
    names = list(dict.fromkeys(_PLACE.findall(template)))
    return _PLACE.sub(lambda place: f"x{names.index(place.group())}.example", template).replace("%%", "%")


@pytest.mark.parametrize("template", _TEMPLATES)
def test_every_template_is_recognised_and_keeps_what_was_filled_in(template: str) -> None:
    text = filled(template)
    told = SPANISH.tell(text)
    assert told != text
    assert set(re.findall(r"x\d+\.example", told)) <= set(re.findall(r"x\d+\.example", text))


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        (
            (
                "no provider can take it: SES: the message is bound to another provider; Hostinger: failing for now: "
                "Wrong username or password (535 5.7.8 The mailbox does not exist)"
            ),
            (
                "ningún proveedor puede llevarlo: SES: el mensaje está ligado a otro proveedor; Hostinger: falla por ahora: "
                "Usuario o contraseña incorrectos (535 5.7.8 The mailbox does not exist)"
            ),
        ),
        (
            "Mail for a.example passes DMARC by DKIM. SPF does not add to it: send.a.example does not exist.",
            "El correo de a.example pasa DMARC por DKIM. SPF no añade nada: send.a.example no existe.",
        ),
        (
            "Replace the SPF record by this one. It merges the 2 SPF records into one: delete the others.",
            "Sustituye el registro SPF por este. Une los 2 registros SPF en uno: borra los demás.",
        ),
        (
            "SPF went from pass to fail; The SPF record is gone (it was 'v=spf1 -all')",
            "SPF pasó de bien a falla; El registro SPF ha desaparecido (era 'v=spf1 -all')",
        ),
        ("550 5.1.1 No such user here", "550 5.1.1 No such user here"),
        ("Sent by nobody we know of.", "Sent by nobody we know of."),
    ],
)
def test_a_sentence_is_told_with_the_sentences_in_it_and_the_words_of_servers_as_they_are(
    english: str, spanish: str
) -> None:
    assert SPANISH.tell(english) == spanish


def test_words_that_a_server_has_made_up_cost_no_more_than_their_length_allows() -> None:
    """Nothing is timed: with a way of matching that tries every place again, none of these would end."""
    for template in _TEMPLATES:
        pieces = [piece.replace("%%", "%") for piece in _PLACE.split(template)]
        between = "".join(pieces[1:-1]) or pieces[0]
        hostile = pieces[0] + (between * 2000)[:2000] + "\0"
        assert "\0" in SPANISH.tell(hostile)
        assert SPANISH.tell(hostile + pieces[-1])
    for text in ("a: " * 1300, "A b. " * 799, "; ".join(["a: b"] * 650), "x" * 100_000):
        assert SPANISH.tell(text) == text
