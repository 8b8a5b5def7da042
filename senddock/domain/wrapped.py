"""Finds the server's reply inside what a client library, a log or a bounce wrapped around it."""

import re

_ENHANCED = r"[245]\.\d{1,3}\.\d{1,3}"
#: How a server's words start: not with a number, unless it is another code or an address.
_WORDS = r"(?=[45#<(\[\"p*]|[^\W\d_]|\d+\.\d+\.\d+\.)"
#: Wrappers that put the code somewhere else than in front of the server's words.
_FORMS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # PHPMailer writes the words before the code, and the enhanced code at the end
        r"detail: (?P<text>.*?)\s*SMTP code: (?P<code>[2-5]\d\d)(?:\s*Additional SMTP info: (?P<enhanced>[245]\.\d+\.\d+))?",
        # Swift Mailer, Symfony: got code "550", with message "550 5.7.60 …"
        r"got code \W?(?P<code>[2-5]\d\d)\W?,? with message \"?(?:(?P=code)[ -])?(?P<text>.*?)\"?\.?$",
        # Python: (535, b'5.7.8 …') inside an exception or a dictionary of recipients
        r"\((?P<code>[2-5]\d\d), ?b?(?P<quote>['\"])(?P<text>.*?)(?P=quote)(?=\s*(?:[,.)}]|$))",
        # Roundcube: SMTP Error (535): Authentication failed
        r"SMTP error \(?(?P<code>[45]\d\d)\)?: (?P<text>.*)",
        # Postfix, Exim, Exchange: host mx.example.org[192.0.2.1] said: 550 5.1.1 … (465 and 587 are ports)
        rf"(?:[:;]|response=) ?['\"<]?(?P<code>(?!465|587|443|99[35])[45]\d\d)[ -] ?(?P<text>{_WORDS}.*)",
        # Ruby, Java, .NET: Net::SMTPServerBusy: 451 …, SMTPAddressFailedException: 550 …, (555 5.5.2 …)
        r"(?:Error|Exception|Busy|Refused)\b['\"]?\s*[:(]\s*(?P<code>[45][0-5]\d)[ -](?P<text>.*)",
        # Anything else that ends in its code: "… exceeded (451)", "… exceeded hour limit\" code=550"
        r"^(?P<text>.*?)\W+(?:code[=:] ?|\()(?P<code>[45][0-5]\d)\)?\W*$",
    )
)
_STAGES = {
    "greeting": r"invalid greeting|refused to talk to me|initial server greeting|bad greeting",
    "ehlo": r"HeloError",
    "auth": r"invalid login|AUTH (?:command )?failed|AuthenticationError|AuthenticationFailed",
    "mail": r"MAIL FROM command|mail command failed|SenderRefused|after MAIL FROM",
    "rcpt": r"RCPT TO command|RecipientsRefused|all recipients were rejected|after RCPT TO",
    "final_dot": r"end of DATA|DATA END command|message failed",
}
_DOT_NET = re.compile("the server response was: ", re.IGNORECASE)
#: Outlook ends with the port and a yes or no to encryption.
_OUTLOOK = re.compile(r"['\"],? ?port: \d+.*", re.IGNORECASE)
_FIRST = re.compile(r"^(?:smtp; ?|#)?(?!\(\d{3}, ?b?['\"])\(?(?P<code>[2-6]\d\d)(?:[ ,-]|\.(?!\d)|$)", re.IGNORECASE)
_ANYWHERE = re.compile(rf"(?<![\d.])#?({_ENHANCED})(?![\d.]*\d)")


def unwrap(text: str) -> tuple[int | None, str | None, str, str | None]:
    """Code, enhanced code and words of the server, and the stage when the wrapper names it; ``None`` where unknown."""
    # .NET leads with a sentence of its own.
    text = _OUTLOOK.sub("", _DOT_NET.split(text)[-1])
    stage = next((name for name, words in _STAGES.items() if re.search(words, text, re.IGNORECASE)), None)
    first = _FIRST.match(text)
    if first:
        return int(first.group("code")), None, text[first.end() :].strip(), stage
    for form in _FORMS:
        found = form.search(text)
        if found:
            parts = found.groupdict()
            return int(parts["code"]), parts.get("enhanced"), parts["text"].strip(), stage
    return None, None, text, stage


def enhanced_within(text: str, code: int | None) -> str | None:
    """The enhanced code that stands among the words (qmail writes ``(#5.1.1)``), if it agrees with the basic code."""
    for found in _ANYWHERE.finditer(text):
        if code is None or found.group(1)[0] == str(code)[0]:
            return found.group(1)
    return None
