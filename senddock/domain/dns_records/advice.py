"""What to publish: the records that a domain lacks for its providers, each with the reason."""

from collections.abc import Iterable, Sequence

from senddock.domain.dns_records.dmarc_policy import DmarcPolicy
from senddock.domain.dns_records.finding import Advice, Status
from senddock.domain.dns_records.profile import ExpectedRecord, SendingProfile
from senddock.domain.dns_records.provider_dkim import Signing
from senddock.domain.dns_records.selector import Selector
from senddock.domain.dns_records.spf_merge import MergedSpf, is_long
from senddock.domain.dns_records.spf_tree import LOOKUP_LIMIT

_AS_SHOWN = " Fill in what stands in <…> as the provider's page shows it."
_UNCONFIRMED = " Compare it with the provider's page first: this value is not confirmed."


def advise_spf(
    domain: str,
    merged: MergedSpf,
    *,
    exists: bool,
    lookups: int,
    droppable: Sequence[str],
    unconfirmed: Sequence[str] = (),
) -> Advice:
    """The one SPF record to publish. `lookups` is its cost, `droppable` the includes it could do without.

    `unconfirmed` are the added includes that are known from memory only.
    """
    why = "Replace the SPF record by this one." if exists else "Publish this SPF record."
    why += f" It adds {_and(merged.added)}." if merged.added else ""
    why += "".join(f" {change}." for change in merged.changes)
    if not (merged.added or merged.changes):
        why += f" It says who may send for {domain}."
    if not exists:
        why += " Without one, receivers cannot tell your servers from anybody else's."
    if lookups > LOOKUP_LIMIT:
        why += f" Careful: it needs {lookups} DNS look-ups and receivers stop after {LOOKUP_LIMIT}."
        why += (
            f" {_and(droppable)} can be left out: SPF for that provider belongs to its return-path."
            if droppable
            else " Take out services you no longer use, or give a provider a subdomain of its own."
        )
    if unconfirmed:
        why += f" Compare {_and(unconfirmed)} with the provider's page first: this value is not confirmed."
    if is_long(merged.text):
        why += " It is long: enter it as several strings of at most 255 characters if your DNS panel asks for that."
    return Advice("TXT", domain, merged.text, why)


def advise_plain_spf(domain: str, *, receives_mail: bool) -> Advice:
    """For a domain without SPF whose providers do not need it there."""
    value = "v=spf1 mx ~all" if receives_mail else "v=spf1 ~all"
    why = (
        "Your providers do not need SPF on this name, but without it anybody may use the domain as an envelope sender. "
        "Add what else sends for it (office mail, a website) before publishing."
    )
    return Advice("TXT", domain, value, why)


def advise_return_path(profile: SendingProfile, domain: str, *, missing_types: Iterable[str]) -> list[Advice]:
    """The records of the provider's return path whose types are missing; of regional alternatives the first."""
    path = profile.return_path_domain(domain)
    wanted = set(missing_types)
    advice: dict[tuple[str, str], Advice] = {}
    for record in profile.return_path_records:
        name = domain if record.name == "@" else path
        if name is None or record.type not in wanted:
            continue
        why = (
            f"{profile.title} puts {name} into MAIL FROM: bounces come back to it and SPF is checked and aligned there."
        )
        if record.name == "@":
            why = f"{profile.title} asks for this when the domain receives no mail."
        advice.setdefault(
            (record.type, name),
            _expected(record, domain, name, why, confirmed="return_path" not in profile.unconfirmed),
        )
    return list(advice.values())


def advise_dkim(profile: SendingProfile, domain: str, signing: Signing, selectors: Sequence[Selector]) -> list[Advice]:
    """The provider's key records that are missing or broken."""
    state = {item.selector: item for item in selectors if item.domain == domain}
    advice = []
    for record in profile.dkim_records:
        selector = record.name.removesuffix("._domainkey")
        found = state.get(selector)
        if found is None:
            # A place such as <token1>: nothing could be looked up, so it is advice only while no key is known.
            wanted = not signing.signs
            why = f"{profile.title} signs with keys of its own."
        elif found.unanswered or found.usable:
            continue
        elif found.found:
            reason = found.findings[0].text
            wanted, why = True, f"The key at {found.name} cannot be used: {reason}."
        else:
            wanted = not signing.signs or record.type == "CNAME"
            why = f"{profile.title} signs with this selector; without its key the signature does not verify."
        if wanted:
            advice.append(
                _expected(record, domain, f"{record.name}.{domain}", why, confirmed="dkim" not in profile.unconfirmed)
            )
    return advice


def advise_dmarc(dmarc: DmarcPolicy) -> list[Advice]:
    """A first DMARC record, or the present one with what it lacks."""
    if dmarc.unanswered or dmarc.status is Status.PASS:
        return []
    name = f"_dmarc.{dmarc.found_at or dmarc.domain}"
    report = f"rua=mailto:dmarc-reports@{dmarc.found_at or dmarc.domain}"
    if dmarc.status is Status.MISSING:
        why = (
            "Gmail, Yahoo and Microsoft ask bulk senders for a DMARC record; p=none changes nothing and sends reports."
        )
        return [Advice("TXT", name, f"v=DMARC1; p=none; {report}", why)]
    record = dmarc.record
    if record is None or record.status is Status.FAIL:
        why = "Receivers cannot use the present record; this is a safe one to start with."
        return [Advice("TXT", name, f"v=DMARC1; p=none; {report}", why)]
    if record.policy == "none" and not record.reports_to:
        why = "p=none without reports tells nobody anything: add an address that reads them."
        return [Advice("TXT", name, f"{record.text.rstrip().rstrip(';')}; {report}", why)]
    return []


def _expected(record: ExpectedRecord, domain: str, name: str, why: str, *, confirmed: bool) -> Advice:
    if record.needs_filling(domain) or "<" in name:
        why += _AS_SHOWN
    elif not confirmed:
        why += _UNCONFIRMED
    return Advice(record.type, name, record.filled(domain), why)


def _and(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
