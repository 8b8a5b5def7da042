"""The panel speaks the language of the browser or of the person's choice, and the catalogue it is shipped with is current."""

import io
from pathlib import Path

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from senddock.web import language
from tests.web.conftest import Panel

_LOCALE = Path(language.__file__).parent / "locale"


def test_the_browser_chooses_and_the_person_may_choose_otherwise(panel: Panel) -> None:
    spanish = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}
    assert '<html lang="en">' in panel.get("/smtp").text
    page = panel.client.get("/smtp", headers=spanish).text
    assert '<html lang="es">' in page
    assert "Resumen" in page
    answer = panel.client.post(
        "/language",
        data={"language": "en", "csrf_token": panel.csrf("/smtp")},
        headers={**spanish, "Referer": "http://localhost/smtp?x=1"},
    )
    assert answer.headers["Location"] == "/smtp?x=1"
    assert '<html lang="en">' in panel.client.get("/smtp", headers=spanish).text


def test_a_stranger_may_choose_too_and_is_led_nowhere_else(visitor: Panel) -> None:
    data = {"language": "es", "csrf_token": visitor.csrf("/login")}
    answer = visitor.client.post("/language", data=data, headers={"Referer": "https://evil.example/"})
    assert answer.headers["Location"] == "/"
    assert '<html lang="es">' in visitor.get("/login").text
    visitor.client.post("/language", data={**data, "language": "xx"})
    assert '<html lang="es">' in visitor.get("/login").text


def test_the_compiled_catalogues_are_those_of_the_sources() -> None:
    for code in language.LANGUAGES:
        if code == "en":
            continue
        folder = _LOCALE / code / "LC_MESSAGES"
        with (folder / "senddock.po").open("rb") as file:
            source = {_texts(m.id): _texts(m.string) for m in read_po(file, code) if m.id and any(_texts(m.string))}
        compiled = read_mo(io.BytesIO((folder / "senddock.mo").read_bytes()))
        assert {_texts(m.id): _texts(m.string) for m in compiled if m.id} == source, "run `make translations`"


def test_spanish_has_a_word_for_everything_in_the_panel() -> None:
    """`make translations` brings the catalogue up to date; what has no translation is shown in English."""
    missing = _wanted(inner=False) - _known()
    assert not missing, f"run `make translations`, fill in {missing}, and run it again"


def test_spanish_has_words_for_what_inner_rooms_say() -> None:
    """They are kept in English and told in Spanish when they are shown."""
    wanted = _wanted(inner=True)
    missing = wanted - _known()
    assert len(wanted) > 400
    assert not missing, f"run `make translations`, fill in {missing}, and run it again"


def _known() -> set[str]:
    with (_LOCALE / "es" / "LC_MESSAGES" / "senddock.po").open("rb") as file:
        return {_texts(message.id)[0] for message in read_po(file, "es") if all(_texts(message.string))}


def _wanted(*, inner: bool) -> set[str]:
    with (_LOCALE / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None, "Saying": None}
    found = extract_from_dir(_LOCALE.parents[2], methods, options, keywords, directory_filter=_is_ours)
    return {_texts(text)[0] for name, _, text, _, _ in found if inner != name.startswith(("templates", "senddock/web"))}


def _is_ours(folder: str) -> bool:
    name = Path(folder).name
    return not name.startswith(".") and name not in ("node_modules", "data", "tests", "docs", "build", "dist")


def _texts(string: object) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, list | tuple) else (str(string),)
