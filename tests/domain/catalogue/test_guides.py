"""The guides: one for each provider, every link leads somewhere, every reply in them has the class they claim."""

import re

import pytest

from senddock.domain.catalogue import catalogue
from senddock.domain.catalogue.guide_book import ALIASES, TOPICS, canonical_name, guide_book, guide_source
from senddock.domain.reply import Stage, parse_reply
from senddock.domain.verdict import judge

BOOK = guide_book()
PROVIDER_GUIDES = [name for name, guide in BOOK.items() if guide.entry is not None]
_ERROR = re.compile(r"^- `(.+)` \(([a-z_]+)\): \S", re.MULTILINE)


def test_there_is_one_for_each_provider_and_each_topic() -> None:
    assert len(PROVIDER_GUIDES) == len(catalogue()) == 27
    assert set(BOOK) == set(TOPICS) | {entry.guide for entry in catalogue().values()}


@pytest.mark.parametrize("name", PROVIDER_GUIDES)
def test_a_provider_s_guide_leads_from_credentials_to_errors(name: str) -> None:
    headings = re.findall(r"^## (.+)$", BOOK[name].text, re.MULTILINE)
    wanted = [
        "Get credentials",
        "Fill the form",
        "Domain verification",
        "sandbox",
        "Limits",
        "Common errors",
        "Good to know",
    ]
    assert len(headings) == len(wanted)
    assert all(part in heading for part, heading in zip(wanted, headings, strict=True))
    assert len(re.findall(r"^\d\. ", BOOK[name].text, re.MULTILINE)) >= 2


@pytest.mark.parametrize("name", PROVIDER_GUIDES)
def test_its_limits_come_from_the_catalogue_and_not_from_its_text(name: str) -> None:
    source = re.sub(r"`[^`]*`", "", guide_source(name))
    assert not re.search(r"\d[\d,]* (messages |emails )?(a|per|an) (second|minute|hour|day|month)", source)
    for directive in ("card", "settings", "records", "limits", "sandbox", "notes"):
        assert f"{{{{{directive}}}}}" in source


def test_the_replies_in_the_guides_have_the_class_that_the_guides_say() -> None:
    said = [(name, line, cls) for name in PROVIDER_GUIDES for line, cls in _ERROR.findall(guide_source(name))]
    assert len(said) > 60
    wrong = []
    for name, line, cls in said:
        stage = Stage.AUTH if cls == "auth" and line.startswith("53") else None
        entry = BOOK[name].entry
        assert entry is not None
        found = judge(parse_reply(line.replace("``", "`"), stage), provider=entry.key).cls
        if found != cls:
            wrong.append((name, line, cls, found))
    assert wrong == []


@pytest.mark.parametrize("name", ["ovh", "migadu", "ionos"])
def test_what_is_not_confirmed_says_so(name: str) -> None:
    records = BOOK[name].text.partition("## Domain verification")[2].partition("\n## ")[0]
    assert "*(not confirmed)*" in records
    assert "were not read at the provider" in records


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("resend.md", "resend"),
        ("hostinger.md", "hostinger"),
        ("aws-ses.md", "aws-ses"),
        ("sendgrid.md", "sendgrid"),
        ("mailgun.md", "mailgun"),
        ("generic-smtp.md", "generic-smtp"),
        ("troubleshooting.md", "troubleshooting"),
        ("failover-system.md", "failover-system"),
        ("deliverability.md", "deliverability"),
        ("ses", "aws-ses"),
        ("generic", "generic-smtp"),
        ("failover", "failover-system"),
        ("AWS-SES.md", "aws-ses"),
        ("nothing-like-it", None),
        ("../../etc/passwd", None),
    ],
)
def test_the_links_of_the_user_documentation_lead_to_a_guide(link: str, name: str | None) -> None:
    assert canonical_name(link) == name


def test_other_names_lead_to_guides_that_exist() -> None:
    assert {canonical_name(alias) for alias in ALIASES} <= set(BOOK)


@pytest.mark.parametrize("topic", ["smtp-configuration"])
def test_the_tables_of_the_user_documentation_are_in_the_guides(topic: str) -> None:
    text = BOOK[topic].text
    assert "| [Resend](./resend.md) | ★ Easy | $20/mo for 50k | Startups, rapid development |" in text
    assert "| [AWS SES](./aws-ses.md#limits) | Sandbox | 1 a second, 200 a day |" in text
    assert "| [Generic SMTP](./generic-smtp.md) | ★ Easy | Varies | Any provider |" in text
