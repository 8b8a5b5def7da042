"""A reply's words as the rule pack reads them: small letters, without what differs from one reply to the next.

A mailbox called ``spam@`` or a host called ``relay.mx.example.com`` says nothing about what the reply means.
"""

import re

from senddock.domain.reply import Reply

_MAILBOX = re.compile(r"[^\s<>\"'(),;:\[\]]*@[^\s<>\"'(),;:\[\]]+")
#: Three labels and more; a `STOREDRV.Submission.Exception` ends in a longer word.
_HOST = re.compile(r"(?:[a-z0-9_-]+\.){2,}[a-z]{2,6}")
#: Hosts and links with one of these are the message itself: "listed at …", "see …/smtplf.html".
_LISTS = re.compile(r"spamhaus|spamcop|sorbs|dnsbl|\brbl|barracuda|abusix|abuseat|uceprotect|manitu|mail-abuse|smtplf")
#: What a mail server's log adds: it names the stage, not the cause.
_IN_REPLY_TO = re.compile(r"\(in reply to [a-z ]+ command\)")
_AROUND = "<>()[]{}\"',;:."
#: Nobody says what matters after this many characters.
_LONGEST = 2000


def words_of(reply: Reply) -> str:
    """``reply`` as one line in small letters; every mailbox is one ``@``, links and names of hosts are gone."""
    kept = []
    line = reply.line()[:_LONGEST].lower()
    if "in reply to" in line:
        line = _IN_REPLY_TO.sub("", line)
    for word in line.split():
        if "@" in word:
            kept.append(_MAILBOX.sub("@", word))
        elif "://" in word or (word.count(".") > 1 and _HOST.fullmatch(word.strip(_AROUND))):
            if _LISTS.search(word):
                kept.append(word)
        else:
            kept.append(word)
    return " ".join(kept)
