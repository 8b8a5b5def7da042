"""What the form notices about host, user name and password before anything is saved."""

import pytest

from senddock.domain.catalogue import catalogue
from senddock.domain.catalogue.credentials import credential_advice

RESEND_KEY = "re_" + "8fKq2Zr1_" * 3
SENDGRID_KEY = "SG." + "a1B2c3D4" * 2 + "." + "e5F6g7H8" * 4
SES_PASSWORD = "B" + "aB3+" * 10 + "xyZ"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE0KE"


def _advice(preset: str, username: str, password: str, **changed: object) -> list[tuple[str, str]]:
    server = catalogue()[preset].server
    given = {"host": server.host, "port": server.port, "encryption": server.encryption} | changed
    remarks = credential_advice(preset, username=username, password=password, **given)  # type: ignore[arg-type]
    assert not any(password and password in remark.text for remark in remarks)
    return [(remark.field, remark.text) for remark in remarks]


@pytest.mark.parametrize(
    ("preset", "username", "password"),
    [
        ("resend", "resend", RESEND_KEY),
        ("sendgrid", "apikey", SENDGRID_KEY),
        ("ses", "AKIA" + "Z" * 16, SES_PASSWORD),
        ("mailgun", "postmaster@mg.example.com", "any-words-it-made"),
        ("hostinger", "hello@myapp.com", "secret words"),
        ("gmail", "me@gmail.com", "abcd efgh ijkl mnop"),
        ("brevo", "8a1b2c001@smtp-brevo.com", "xsmtpsib-" + "a1" * 30),
        ("mailtrap", "api", "0123456789abcdef" * 2),
    ],
)
def test_settings_that_fit_get_no_remark(preset: str, username: str, password: str) -> None:
    assert _advice(preset, username, password) == []


@pytest.mark.parametrize(
    ("preset", "username", "password", "field", "words"),
    [
        ("resend", "resend", "hunter2hunter2", "password", "begins with re_"),
        ("sendgrid", "apikey", RESEND_KEY, "password", "looks like a Resend API key"),
        ("resend", "resend", SENDGRID_KEY, "password", "looks like a SendGrid API key"),
        ("hostinger", "hello@myapp.com", RESEND_KEY, "password", "looks like a Resend API key"),
        ("ses", "AKIA" + "Z" * 16, AWS_SECRET, "password", "an AWS secret access key"),
        ("ses", "AKIA" + "Z" * 16, "AKIA" + "Q" * 16, "password", "an AWS access key id"),
        ("brevo", "a@smtp-brevo.com", "xkeysib-" + "0" * 60, "password", "a Brevo API key"),
        ("resend", "me@example.com", RESEND_KEY, "username", "the word “resend”"),
        ("sendgrid", "me@example.com", SENDGRID_KEY, "username", "the word “apikey”"),
        ("hostinger", "hello", "secret", "username", "whole address"),
        ("ses", "me@example.com", SES_PASSWORD, "username", "AKIA"),
        ("gmail", "me@gmail.com", "MyAccountPassword1", "password", "16 small letters"),
        ("resend", "resend", RESEND_KEY + "\n", "password", "space or a line end"),
        ("postmark", "me@example.com", "0" * 8 + "-0000-0000-0000-" + "0" * 12, "username", "Server API token"),
    ],
)
def test_a_secret_or_name_in_the_wrong_place_is_noticed(
    preset: str, username: str, password: str, field: str, words: str
) -> None:
    found = _advice(preset, username, password)
    assert [name for name, text in found if words in text] == [field]


def test_a_port_that_the_provider_does_not_have_is_named_with_those_it_has() -> None:
    [(field, text)] = _advice("postmark", "", "", port=465, encryption="ssl")
    assert field == "port"
    assert "587, 2525, 25" in text


def test_encryption_is_judged_by_the_provider_s_own_table() -> None:
    assert _advice("ses", "", "", port=2465, encryption="starttls") == [
        ("encryption", "Port 2465 of AWS SES wants SSL.")
    ]


def test_a_host_of_somebody_else_is_noticed() -> None:
    [(field, text)] = _advice("resend", "resend", "", host="smtp.sendgrid.net")
    assert (field, "smtp.resend.com" in text) == ("host", True)


def test_without_a_preset_the_host_tells_the_provider() -> None:
    remarks = credential_advice(None, "email-smtp.eu-west-1.amazonaws.com", 587, "starttls", "me@example.com", None)
    assert [remark.field for remark in remarks] == ["username"]


def test_a_key_on_an_unknown_server_is_only_a_question() -> None:
    [remark] = credential_advice("generic", "mail.example.com", 587, "starttls", "me@example.com", RESEND_KEY)
    assert (remark.level, remark.field) == ("info", "password")
    assert credential_advice("generic", "mail.example.com", 587, "starttls", "me@example.com", AWS_SECRET) == []


def test_a_form_that_is_not_confirmed_is_said_to_be_so() -> None:
    [remark] = credential_advice("mailjet", "in-v3.mailjet.com", 587, "starttls", "a" * 32, "short")
    assert remark.level == "info"
    assert "not confirmed" in remark.text
