"""What a reply or a fault means: whose fault it is, whether another provider helps, whether time heals it.

Decided in this order: the stage (a dead link), the rule pack (provider + stage + pattern), an enhanced code that names a
cause (RFC 3463), the pack's single words, a general enhanced code, the basic code by stage (RFC 5321). A provider's SMTP
door is not the recipient's MX: a 5xx from it is nearly always about the account, the sender or a policy, and codes alone
are not enough (``451 Maximum credits exceeded`` is a quota).
"""

from dataclasses import dataclass
from datetime import datetime

from senddock.domain.codes import BEFORE_SIGN_IN, class_by_code, class_by_enhanced, names_a_cause
from senddock.domain.reply import Reply, Stage
from senddock.domain.rules import Rule, RulePack, standard_rules
from senddock.domain.verdict_class import CLASSES, Blame, FailOver, Opens, VerdictClass
from senddock.domain.waits import wait_in

__all__ = ["Blame", "FailOver", "Opens", "Verdict", "VerdictClass", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of one reply."""

    cls: VerdictClass
    blame: Blame
    fail_over: FailOver
    #: Time may heal it for this message.
    retry: bool
    #: Seconds to wait, read from the text; ``None`` when it names none.
    wait_seconds: int | None
    #: The account is blocked: no mail to this provider until a person acts.
    pause: bool
    #: The address is dead: do not write to it again.
    suppress: bool
    #: What it does to the provider's breaker.
    opens: Opens
    #: What happened, in plain words.
    title: str
    #: What to do next.
    hint: str
    #: The rule or table row that decided.
    rule: str


#: Enhanced codes that say the address is dead; other permanent refusals of a recipient do not suppress it.
_DEAD_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1", "5.7.13", "5.4.310"})


def judge(
    reply: Reply, *, provider: str | None = None, now: datetime | None = None, rules: RulePack | None = None
) -> Verdict:
    """Decide what ``reply`` means. ``provider`` is a catalogue key; ``now`` is needed to read absolute times."""
    if reply.positive:
        if reply.stage is not Stage.FINAL_DOT:
            # Not what a refusal looks like: the answers have got out of step, and nothing has been sent.
            return _verdict(VerdictClass.SERVER_TRANSIENT, reply, None, "order")
        if reply.code is not None and reply.code < 300:
            return _ACCEPTED
        # A 354 answers no dot. Whether there was one to this, nobody can know.
        return _verdict(VerdictClass.UNCERTAIN, reply, None, "order")
    if reply.code is None and reply.enhanced is None and reply.stage is Stage.REPLY:
        return _verdict(VerdictClass.UNCERTAIN, reply, None, "stage:reply")
    wait = wait_in(reply.text, now)
    rule = (rules or standard_rules()).match(reply, provider)
    if rule is not None and not (rule.weak and names_a_cause(reply.enhanced)):
        return _verdict(rule.cls, reply, wait if wait is not None else rule.wait, rule.id, rule)
    if reply.enhanced is not None:
        cls = class_by_enhanced(reply.enhanced, reply.code, reply.stage)
        if cls is not None:
            return _verdict(cls, reply, wait, f"enhanced:{reply.enhanced}")
    if reply.code is not None:
        cls = class_by_code(reply.code, reply.stage)
        if cls is not None:
            return _verdict(cls, reply, wait, f"code:{reply.code}")
    return _verdict(VerdictClass.UNKNOWN, reply, wait, "none")


def _verdict(cls: VerdictClass, reply: Reply, wait: int | None, name: str, rule: Rule | None = None) -> Verdict:
    facts = CLASSES[cls]
    suppress = cls is VerdictClass.RECIPIENT_PERMANENT and (
        reply.enhanced in _DEAD_ADDRESS or (reply.enhanced is None and "suppress" not in reply.text.lower())
    )
    pause = rule is not None and rule.pause
    fail_over = (rule.fail_over if rule else None) or facts.fail_over
    if cls is VerdictClass.CONTENT_REJECTED and (pause or reply.stage in BEFORE_SIGN_IN):
        # The account or the address is blocked, not the message: another provider may take it.
        fail_over = FailOver.ONCE
    return Verdict(
        cls=cls,
        blame=facts.blame,
        fail_over=fail_over,
        retry=facts.retry,
        wait_seconds=wait,
        pause=pause,
        suppress=suppress,
        opens=Opens.PAUSE if pause else facts.opens,
        title=facts.title,
        hint=(rule.hint if rule else None) or facts.hint,
        rule=name,
    )


#: Nearly every reply means this, whatever its words.
_ACCEPTED = _verdict(VerdictClass.ACCEPTED, Reply(Stage.FINAL_DOT, 250, None, ""), None, "reply:2yz")
