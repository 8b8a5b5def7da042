"""What is noticeable about host, user name and password of a chosen provider. Never repeats the secret it looked at."""

from senddock.domain.advice import Advice
from senddock.domain.catalogue import catalogue, entry_for, entry_of_host
from senddock.domain.catalogue.entry import Entry, Sign, UsernameKind


def credential_advice(
    preset: str | None, host: str, port: int, encryption: str, username: str, password: str | None
) -> list[Advice]:
    """Remarks on the settings as this provider wants them; ``password`` is ``None`` or empty when it stays as it is.

    Without a preset the provider is known by its host. Nothing here refuses: providers change faster than a catalogue.
    """
    entry = entry_for(preset) if preset and preset != "generic" else entry_of_host(host)
    found: list[Advice] = []
    if entry is not None and entry.server.host:
        found += _about_server(entry, host, port, encryption)
        found += _about_username(entry, username, password)
    if password:
        found += _about_password(entry, password, username)
    return found


def _about_server(entry: Entry, host: str, port: int, encryption: str) -> list[Advice]:
    server = entry.server
    found = []
    if host and not server.owns(host):
        found.append(Advice("warn", "host", f"{entry.name}'s server is {server.host}; check the host name."))
        return found
    known = server.port_facts(port)
    if port in server.not_offered or (known is None and server.confidence.confirmed):
        offered = ", ".join(str(one.port) for one in server.ports)
        found.append(Advice("warn", "port", f"{entry.name} does not answer on port {port}. Its ports are {offered}."))
    elif known is not None and encryption not in (known.encryption, "none"):
        wanted = "SSL" if known.encryption == "ssl" else "TLS"
        sure = "" if known.confidence.confirmed else " (not confirmed)"
        found.append(Advice("warn", "encryption", f"Port {port} of {entry.name} wants {wanted}{sure}."))
    return found


def _about_username(entry: Entry, username: str, password: str | None) -> list[Advice]:
    rule = entry.username
    text = username.strip()
    if username != text:
        return [Advice("warn", "username", "The user name begins or ends with a space.")]
    if not text:
        return []
    if rule.kind is UsernameKind.FIXED and text.lower() != rule.value.lower():
        if entry.key == "mailtrap":  # its sandbox has a user name for each inbox
            return [Advice("info", "username", rule.text)]
        return [
            Advice("warn", "username", f"{entry.name}'s user name is the word “{rule.value}”, whatever your own is.")
        ]
    if rule.kind is UsernameKind.EMAIL and "@" not in text:
        advice = rule.text
        return [Advice("warn", "username", f"{entry.name} wants a whole address here. {advice}")]
    if rule.pattern is not None and not rule.pattern.search(text):
        advice = rule.text
        text = f"This does not look like {entry.name}'s user name. {advice}"
        return [_unlike("username", text, sure=rule.confidence.confirmed)]
    if entry.key == "postmark" and password and text != password and "@" in text:
        return [Advice("warn", "username", "Postmark takes the Server API token as user name and as password.")]
    return []


def _unlike(field: str, text: str, *, sure: bool) -> Advice:
    return Advice("warn" if sure else "info", field, text if sure else f"{text} (Its form is not confirmed.)")


def _about_password(entry: Entry | None, password: str, username: str) -> list[Advice]:
    if password != password.strip():
        return [
            Advice("warn", "password", "The password begins or ends with a space or a line end: providers refuse that.")
        ]
    owner, sign = _recognised(password, entry)
    if sign is not None and owner is not None:
        if entry is None:
            return [Advice("info", "password", f"This looks like {sign.what}: is the host {owner.name}'s?")]
        if owner.key != entry.key:
            advice = entry.password.text
            return [
                Advice("warn", "password", f"This looks like {sign.what}. {entry.name} wants another one: {advice}")
            ]
        if not sign.fits:
            return [Advice("warn", "password", f"This looks like {sign.what}. {sign.advice}")]
        return []
    if entry is None:
        return []
    if entry.username.kind is not UsernameKind.TOKEN and password == username and len(password) > 1:
        return [Advice("warn", "password", "User name and password are the same.")]
    rule = entry.password
    if rule.pattern is not None and not rule.pattern.search(password):
        advice = rule.text
        text = f"{entry.name}'s password {rule.looks}; this one does not. {advice}"
        return [_unlike("password", text, sure=rule.confidence.confirmed)]
    return []


def _recognised(password: str, chosen: Entry | None) -> tuple[Entry | None, Sign | None]:
    """Whose secret this is by its form; the chosen provider's own signs are looked at first, vague ones only there."""
    for sign in chosen.signs if chosen is not None else ():
        if sign.pattern.search(password):
            return chosen, sign
    for entry in catalogue().values():
        if entry is chosen:
            continue
        for sign in entry.signs:
            # A sign without fixed letters ("40 characters") fits secrets of others too.
            if not sign.pattern.pattern.startswith("^(?") and sign.pattern.search(password):
                return entry, sign
    return None, None
