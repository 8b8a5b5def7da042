"""What is left when no rule knows the words: the enhanced code (RFC 3463, IANA registry), then the basic code by stage."""

from senddock.domain.reply import Stage
from senddock.domain.verdict_class import VerdictClass as V

#: Class of 5.x.y; where 4.x.y differs it stands in `_TRANSIENT`.
_PERMANENT: dict[str, V] = {
    "0.0": V.SERVER_TRANSIENT,
    "1.1": V.RECIPIENT_PERMANENT,
    "1.2": V.RECIPIENT_PERMANENT,
    "1.3": V.RECIPIENT_PERMANENT,
    "1.4": V.RECIPIENT_PERMANENT,
    "1.6": V.RECIPIENT_PERMANENT,
    "1.7": V.SENDER_NOT_VERIFIED,
    "1.8": V.SENDER_NOT_VERIFIED,
    "1.9": V.RECIPIENT_PERMANENT,
    "1.10": V.RECIPIENT_PERMANENT,
    "2.0": V.RECIPIENT_PERMANENT,
    "2.1": V.RECIPIENT_PERMANENT,
    "2.2": V.RECIPIENT_TRANSIENT,
    "2.3": V.MESSAGE_TOO_LARGE,
    "2.4": V.RECIPIENT_PERMANENT,
    "3.0": V.SERVER_TRANSIENT,
    "3.1": V.SERVER_TRANSIENT,
    "3.2": V.SERVER_TRANSIENT,
    "3.3": V.CONTENT_REJECTED,
    "3.4": V.MESSAGE_TOO_LARGE,
    "3.5": V.SERVER_TRANSIENT,
    "4.0": V.CONNECTION,
    "4.1": V.CONNECTION,
    "4.2": V.CONNECTION,
    "4.3": V.SERVER_TRANSIENT,
    "4.4": V.RECIPIENT_PERMANENT,
    "4.5": V.SERVER_TRANSIENT,
    "4.6": V.SERVER_TRANSIENT,
    "4.7": V.SERVER_TRANSIENT,
    "5.0": V.SERVER_TRANSIENT,
    "5.1": V.SERVER_TRANSIENT,
    "5.2": V.SERVER_TRANSIENT,
    "5.3": V.RATE_LIMITED,
    "5.4": V.SERVER_TRANSIENT,
    "5.5": V.SERVER_TRANSIENT,
    "5.6": V.AUTH,
    "6.0": V.CONTENT_REJECTED,
    "6.1": V.CONTENT_REJECTED,
    "6.2": V.CONTENT_REJECTED,
    "6.3": V.CONTENT_REJECTED,
    "6.4": V.CONTENT_REJECTED,
    "6.5": V.CONTENT_REJECTED,
    "6.6": V.CONTENT_REJECTED,
    "6.7": V.CONTENT_REJECTED,
    "6.8": V.CONTENT_REJECTED,
    "6.9": V.CONTENT_REJECTED,
    "6.10": V.CONTENT_REJECTED,
    "6.11": V.CONTENT_REJECTED,
    "7.1": V.CONTENT_REJECTED,
    "7.2": V.RECIPIENT_PERMANENT,
    "7.4": V.AUTH,
    "7.5": V.TLS,
    "7.6": V.TLS,
    "7.7": V.TLS,
    "7.8": V.AUTH,
    "7.10": V.TLS,
    "7.11": V.TLS,
    "7.12": V.AUTH,
    "7.14": V.AUTH,
    "7.15": V.SERVER_TRANSIENT,
    "7.16": V.MESSAGE_TOO_LARGE,
    "7.17": V.RECIPIENT_PERMANENT,
    "7.18": V.RECIPIENT_PERMANENT,
    "7.19": V.RECIPIENT_TRANSIENT,
    "7.20": V.CONTENT_REJECTED,
    "7.21": V.CONTENT_REJECTED,
    "7.22": V.CONTENT_REJECTED,
    "7.23": V.CONTENT_REJECTED,
    "7.24": V.CONTENT_REJECTED,
    "7.25": V.CONTENT_REJECTED,
    "7.26": V.CONTENT_REJECTED,
    "7.27": V.SENDER_NOT_VERIFIED,
    "7.28": V.RATE_LIMITED,
    "7.29": V.CONTENT_REJECTED,
    "7.30": V.TLS,
    # Microsoft's own
    "1.20": V.CONTENT_REJECTED,
    "1.90": V.QUOTA_EXCEEDED,
    "2.121": V.RECIPIENT_TRANSIENT,
    "2.122": V.RECIPIENT_TRANSIENT,
    "4.14": V.SERVER_TRANSIENT,
    "4.300": V.SERVER_TRANSIENT,
    "4.310": V.RECIPIENT_PERMANENT,
    "4.312": V.CONNECTION,
    "4.316": V.CONNECTION,
    "4.317": V.CONNECTION,
    "4.318": V.CONNECTION,
    "7.51": V.RELAY_DENIED,
    "7.54": V.RELAY_DENIED,
    "7.57": V.AUTH,
    "7.60": V.SENDER_NOT_VERIFIED,
    "7.64": V.RELAY_DENIED,
    "7.124": V.RECIPIENT_PERMANENT,
    "7.129": V.RECIPIENT_PERMANENT,
    "7.133": V.RECIPIENT_PERMANENT,
    "7.134": V.RECIPIENT_PERMANENT,
    "7.136": V.RECIPIENT_PERMANENT,
    "7.139": V.AUTH,
    "7.232": V.QUOTA_EXCEEDED,
    "7.233": V.QUOTA_EXCEEDED,
    "7.321": V.TLS,
    "7.322": V.TLS,
    "7.323": V.TLS,
    "7.324": V.TLS,
    "7.325": V.TLS,
    "7.504": V.RECIPIENT_PERMANENT,
    "7.505": V.RECIPIENT_PERMANENT,
    "7.750": V.SENDER_NOT_VERIFIED,
}
_TRANSIENT: dict[str, V] = {
    "1.1": V.RECIPIENT_TRANSIENT,
    "1.2": V.RECIPIENT_TRANSIENT,
    "1.3": V.RECIPIENT_TRANSIENT,
    "1.10": V.RECIPIENT_TRANSIENT,
    "2.0": V.RECIPIENT_TRANSIENT,
    "2.1": V.RECIPIENT_TRANSIENT,
    "2.4": V.RECIPIENT_TRANSIENT,
    "4.4": V.CONNECTION,
    "4.7": V.CONNECTION,
    "7.0": V.SERVER_TRANSIENT,
    "7.1": V.SERVER_TRANSIENT,
    "7.8": V.SERVER_TRANSIENT,
    "7.650": V.RATE_LIMITED,
    "7.651": V.RATE_LIMITED,
}

#: Basic codes whose class does not depend on the stage.
_BY_CODE: dict[int, V] = {
    420: V.SERVER_TRANSIENT,
    421: V.SERVER_TRANSIENT,
    422: V.RECIPIENT_TRANSIENT,
    426: V.CONNECTION,
    431: V.SERVER_TRANSIENT,
    432: V.AUTH,
    441: V.CONNECTION,
    442: V.CONNECTION,
    447: V.CONNECTION,
    449: V.CONNECTION,
    451: V.SERVER_TRANSIENT,
    452: V.SERVER_TRANSIENT,
    454: V.SERVER_TRANSIENT,
    455: V.SERVER_TRANSIENT,
    500: V.SERVER_TRANSIENT,
    501: V.SERVER_TRANSIENT,
    502: V.SERVER_TRANSIENT,
    503: V.SERVER_TRANSIENT,
    504: V.SERVER_TRANSIENT,
    555: V.SERVER_TRANSIENT,
    530: V.AUTH,
    534: V.AUTH,
    535: V.AUTH,
    538: V.TLS,
    510: V.RECIPIENT_PERMANENT,
    511: V.RECIPIENT_PERMANENT,
    512: V.RECIPIENT_PERMANENT,
    513: V.RECIPIENT_PERMANENT,
    523: V.CONTENT_REJECTED,
    540: V.RECIPIENT_PERMANENT,
    541: V.CONTENT_REJECTED,
    542: V.CONTENT_REJECTED,
    551: V.RECIPIENT_PERMANENT,
    552: V.MESSAGE_TOO_LARGE,
}
#: Codes that mean one thing to MAIL, another to RCPT, and a third after the message.
_BY_STAGE: dict[int, dict[Stage, V]] = {
    450: {Stage.RCPT: V.RECIPIENT_TRANSIENT, Stage.FINAL_DOT: V.SERVER_TRANSIENT, Stage.MAIL: V.SENDER_NOT_VERIFIED},
    521: {Stage.RCPT: V.RECIPIENT_PERMANENT, Stage.FINAL_DOT: V.CONTENT_REJECTED, Stage.MAIL: V.CONTENT_REJECTED},
    556: {Stage.RCPT: V.RECIPIENT_PERMANENT, Stage.FINAL_DOT: V.RECIPIENT_PERMANENT},
    525: {Stage.AUTH: V.AUTH, Stage.RCPT: V.RECIPIENT_PERMANENT, Stage.FINAL_DOT: V.RECIPIENT_PERMANENT},
    550: {Stage.MAIL: V.SENDER_NOT_VERIFIED, Stage.RCPT: V.RECIPIENT_PERMANENT, Stage.FINAL_DOT: V.CONTENT_REJECTED},
    553: {Stage.MAIL: V.SENDER_NOT_VERIFIED, Stage.RCPT: V.RECIPIENT_PERMANENT, Stage.FINAL_DOT: V.SENDER_NOT_VERIFIED},
    554: {Stage.MAIL: V.SENDER_NOT_VERIFIED, Stage.RCPT: V.RELAY_DENIED, Stage.FINAL_DOT: V.CONTENT_REJECTED},
}
#: Enhanced codes that say no more than where the trouble lies.
_GENERAL = frozenset({"0.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "7.1"})
#: A refusal here has seen neither the account nor the message: it is about this machine's or the provider's address.
BEFORE_SIGN_IN = frozenset({Stage.CONNECT, Stage.GREETING, Stage.EHLO})


def names_a_cause(enhanced: str | None) -> bool:
    """True when an enhanced code is one whose meaning is registered or known, and not a general one."""
    if enhanced is None:
        return False
    detail = enhanced.partition(".")[2]
    return detail not in _GENERAL and class_by_enhanced(enhanced, None, Stage.FINAL_DOT) is not None


def class_by_enhanced(enhanced: str, code: int | None, stage: Stage) -> V | None:
    """The class of an enhanced code, or ``None`` when its text would have to decide and said nothing."""
    group, _, detail = enhanced.partition(".")
    if detail == "1.0":
        return V.SENDER_NOT_VERIFIED if stage is Stage.MAIL else V.RECIPIENT_PERMANENT if group == "5" else None
    if detail == "7.13":
        return V.AUTH if stage is Stage.AUTH else V.RECIPIENT_PERMANENT
    if stage is Stage.AUTH and group == "5" and code in (530, 534, 535, None):
        return V.AUTH
    if detail == "5.1" and code in (530, 503):
        return V.AUTH
    if detail == "7.3":
        return V.TLS if group == "4" or code == 451 else V.AUTH
    if detail == "7.9":
        return V.AUTH if code in (534, 535) else V.CONTENT_REJECTED if group == "5" else V.SERVER_TRANSIENT
    if detail == "7.0":
        if code in (530, 534, 535):
            return V.AUTH
        return V.SERVER_TRANSIENT if group == "4" else V.CONTENT_REJECTED
    if group == "4" and detail in _TRANSIENT:
        return _TRANSIENT[detail]
    if detail in _PERMANENT:
        found = _PERMANENT[detail]
        # A promise that time will help outweighs a refusal without a cause.
        return V.SERVER_TRANSIENT if group == "4" and detail in ("3.3", "7.1") else found
    if detail.startswith("7."):
        return V.CONTENT_REJECTED if group == "5" else V.SERVER_TRANSIENT
    return None


def class_by_code(code: int, stage: Stage) -> V | None:
    """The class of a basic code at a stage, or ``None`` when the code is not one of SMTP's refusals."""
    if stage is Stage.TLS and code >= 400:
        return V.TLS
    if stage in BEFORE_SIGN_IN and code in (521, 550, 554, 556, 571):
        return V.CONTENT_REJECTED
    if stage is Stage.AUTH and 500 <= code < 600:
        return V.AUTH
    if code in _BY_STAGE:
        return _BY_STAGE[code].get(stage, _BY_STAGE[code].get(Stage.FINAL_DOT))
    if code in _BY_CODE:
        return _BY_CODE[code]
    if 400 <= code < 500:
        return V.SERVER_TRANSIENT
    return None
