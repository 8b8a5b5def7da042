"""What to call a browser in a list: enough to recognise one's own, which is all it is for."""

#: What a User-Agent contains and what that is called; the first that fits, because most of them claim to be others too.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Vivaldi", "Vivaldi"), ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS", "Firefox"), ("Chrom", "Chrome"), ("CriOS", "Chrome"), ("Safari/", "Safari"),
    ("curl/", "curl"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def browser_name(agent: str | None) -> str | None:
    """“Firefox, Linux” and the like; the beginning of the header when it is none that is known."""
    if not agent:
        return None
    names = [next((name for part, name in known if part in agent), None) for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(name for name in names if name) or agent[:60]
