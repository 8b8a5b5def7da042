"""The rule pack: ordered patterns over replies, read from ``catalogue/replies.toml``. The first rule that fits decides."""

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from senddock.domain.alternatives import Alternatives
from senddock.domain.reply import Reply, Stage
from senddock.domain.verdict_class import FailOver, VerdictClass
from senddock.domain.wording import words_of


class Matcher(Protocol):
    """Patterns of the pack, or words that an operator taught."""

    def search(self, text: str, /) -> object:
        """Something true when it is found."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the pack."""

    id: str
    cls: VerdictClass
    pattern: Matcher
    #: Does not apply when this matches too.
    unless: Matcher | None
    provider: str | None
    stages: frozenset[Stage]
    codes: frozenset[int]
    #: Applies to faults without a reply (``True``), to replies (``False``), or to both (``None``).
    fault: bool | None
    #: An enhanced code that names a cause outweighs it.
    weak: bool
    pause: bool
    wait: int | None
    #: Instead of what the class says about other providers.
    fail_over: FailOver | None
    hint: str | None
    example: str
    #: Stage at which the example was said.
    example_stage: Stage | None

    def fits(self, reply: Reply, provider: str | None, text: str) -> bool:
        """True when this rule decides ``reply``; ``text`` is what its patterns are to read of it."""
        if self.fault is not None and self.fault != (reply.code is None and reply.enhanced is None):
            return False
        if self.codes and reply.code not in self.codes:
            return False
        if self.provider is not None and self.provider != provider:
            return False
        if self.stages and reply.stage not in self.stages:
            return False
        return bool(self.pattern.search(text)) and not (self.unless and self.unless.search(text))


class RulePack:
    """Rules in their order."""

    def __init__(self, rules: Sequence[Rule], taught: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        #: Asked first. They read the line as it is, because operators see it so.
        self.taught = tuple(taught)

    def match(self, reply: Reply, provider: str | None) -> Rule | None:
        """The first rule that fits, or ``None``."""
        if self.taught:
            line = reply.line()[:4000]
            for rule in self.taught:
                if rule.fits(reply, provider, line):
                    return rule
        words = words_of(reply)
        return next((rule for rule in self.rules if rule.fits(reply, provider, words)), None)

    def after(self, taught: Sequence[Rule]) -> "RulePack":
        """This pack with ``taught`` rules asked first."""
        return RulePack(self.rules, taught) if taught else self


#: Who is to receive it is known from MAIL on; a text without a code and a stage is taken for a fault while connecting.
_OF_RECIPIENT = frozenset({Stage.CONNECT, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.FINAL_DOT})
_STAGES = dict.fromkeys((VerdictClass.RECIPIENT_PERMANENT, VerdictClass.RECIPIENT_TRANSIENT), _OF_RECIPIENT)


def rule_from(data: dict[str, Any]) -> Rule:
    """One rule from its table. Raises ``ValueError`` (or ``re.error``, ``KeyError``) when it cannot be read."""
    cls = VerdictClass(data["class"])
    return Rule(
        id=str(data["id"]),
        cls=cls,
        pattern=_alternatives(data["pattern"]),
        unless=_alternatives(data["unless"]) if "unless" in data else None,
        provider=data.get("provider"),
        stages=frozenset(Stage(name) for name in data.get("stages", ())) or _STAGES.get(cls, frozenset()),
        codes=frozenset(data.get("codes", ())),
        fault=data.get("fault"),
        weak=bool(data.get("weak", False)),
        pause=bool(data.get("pause", False)),
        wait=data.get("wait"),
        fail_over=FailOver(data["fail_over"]) if "fail_over" in data else None,
        hint=data.get("hint"),
        example=str(data["example"]),
        example_stage=Stage(data["example_stage"]) if "example_stage" in data else None,
    )


def _alternatives(text: str) -> Alternatives:
    """One pattern a line."""
    return Alternatives([line for line in text.split("\n") if line])


@functools.cache
def standard_rules() -> RulePack:
    """The pack that comes with the product."""
    text = resources.files("senddock.domain.catalogue").joinpath("replies.toml").read_text("utf-8")
    return RulePack([rule_from(data) for data in tomllib.loads(text)["rule"]])
