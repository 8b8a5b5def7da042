"""The section of the troubleshooting guide for each class of error, from the table that the log uses."""

from senddock.domain.error_help import anchor_of, help_for_class
from senddock.domain.verdict_class import CLASSES, FailOver, VerdictClass

_MOVES = {
    FailOver.YES: "goes to the next provider at once",
    FailOver.ONCE: "is tried at one other provider",
    FailOver.NO: "stays with this provider",
    FailOver.LARGER: "goes only to a provider that takes larger messages",
    FailOver.IF_WAIT: "waits, and goes elsewhere when the wait is too long for its stream",
}


def troubles() -> str:
    """Markdown with one heading for each class."""
    parts = []
    for cls in VerdictClass:
        if cls is VerdictClass.ACCEPTED:
            continue
        facts, told = CLASSES[cls], help_for_class(cls)
        later = "and is tried again later" if facts.retry else "and is not tried again by itself"
        parts.append(
            f"### {told.title} {{#{anchor_of(cls)}}}\n\n"
            f"**What happened.** {told.happened}\n\n**Why, most likely.** {told.why}\n\n"
            f"**What to do.** {told.next_step}\n\n"
            f"**What SendDock does.** The message {_MOVES[facts.fail_over]} {later}. Its class in the log is `{cls}`."
        )
    return "\n\n".join(parts)
