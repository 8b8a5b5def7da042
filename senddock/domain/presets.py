"""Providers the form can be filled from; difficulty, cost and best-for are those of the user documentation.

Hosts, ports and user names are from the providers' own pages; limits are what the user documentation promises.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """What the form is filled with, and what to say about the password."""

    key: str
    name: str
    difficulty: str
    cost: str
    best_for: str
    host: str
    port: int
    encryption: str
    username: str
    password_help: str
    per_second: int | None = None
    per_day: int | None = None


PRESETS = {
    preset.key: preset
    for preset in (
        Preset(
            "resend", "Resend", "⭐ Easy", "$20/mo for 50k", "Startups, rapid development",
            "smtp.resend.com", 465, "ssl", "resend",
            "The user name is the word resend; the password is an API key that begins with re_.",
        ),
        Preset(
            "hostinger", "Hostinger", "⭐ Easy", "$3-10/mo", "Blogs, small projects",
            "smtp.hostinger.com", 465, "ssl", "",
            "The user name is the whole mailbox address, the password that of the mailbox.", None, 1000,
        ),
        Preset(
            "ses", "AWS SES", "⭐⭐⭐ Complex", "$0.10 per 1,000", "High volume, low cost",
            "email-smtp.us-east-1.amazonaws.com", 587, "starttls", "",
            "Create SMTP credentials in the SES console: they are not your AWS access key. Change the region in the "
            "host. In the sandbox SES takes 1 message a second and 200 a day.", 14, None,
        ),
        Preset(
            "sendgrid", "SendGrid", "⭐⭐ Medium", "$20/mo for 50k", "Marketing and transactional",
            "smtp.sendgrid.net", 587, "starttls", "apikey",
            "The user name is the word apikey; the password is an API key that begins with SG.",
        ),
        Preset(
            "mailgun", "Mailgun", "⭐⭐ Medium", "$35/mo for 50k", "Developers, API-first",
            "smtp.mailgun.org", 587, "starttls", "",
            "The user name is a whole address such as postmaster@mg.example.com; in the EU the host is "
            "smtp.eu.mailgun.org.",
        ),
        Preset(
            "generic", "Generic SMTP", "⭐ Easy", "Varies", "Any provider", "", 587, "starttls", "",
            "Host, port, user name and password are in your provider's help pages.",
        ),
    )
}  # fmt: skip
