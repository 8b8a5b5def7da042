"""Settings: read once from the environment, frozen. A wrong value stops the boot and names its variable."""

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

_PREFIX = "SENDDOCK_"
#: Name of each variable and its default as text; ``None`` is "not set".
VARIABLES: dict[str, str | None] = {
    "SENDDOCK_DATA_DIR": "./data",
    "SENDDOCK_DATABASE_URL": None,
    "SENDDOCK_REDIS_URL": None,
    "SENDDOCK_MASTER_KEY": None,
    "SENDDOCK_WEB_BIND": "127.0.0.1:5870",
    "SENDDOCK_SMTP_BIND": "127.0.0.1:2525",
    "SENDDOCK_SMTPS_BIND": None,
    "SENDDOCK_TLS_CERT": None,
    "SENDDOCK_TLS_KEY": None,
    "SENDDOCK_WORKERS": "2",
    "SENDDOCK_LANES": "5",
    "SENDDOCK_DNS_SERVERS": None,
    "SENDDOCK_PUBLIC_URL": None,
    "SENDDOCK_PROXY_HOPS": "0",
    "SENDDOCK_LOG_FORMAT": "console",
    "SENDDOCK_METRICS_TOKEN": None,
    "SENDDOCK_HELO_NAME": None,
    "SENDDOCK_SENDMAIL_KEY": None,
    "SENDDOCK_ATTACHMENT_URLS": "off",
}


class ConfigurationError(ValueError):
    """A setting cannot be used; the text names the variable and says what to write instead."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the house is told from outside."""

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    master_key: str | None = field(repr=False)
    web_bind: tuple[str, int]
    smtp_bind: tuple[str, int]
    smtps_bind: tuple[str, int] | None
    tls_cert: Path | None
    tls_key: Path | None
    workers: int
    lanes: int
    dns_servers: tuple[str, ...]
    public_url: str | None
    proxy_hops: int
    log_format: str
    metrics_token: str | None = field(repr=False)
    helo_name: str
    sendmail_key: str | None = field(repr=False)
    attachment_urls: bool

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment. Raises `ConfigurationError`; creates and opens nothing but the ``_FILE`` secrets."""
        values = _read(os.environ if environ is None else environ)
        data_dir = Path(values["SENDDOCK_DATA_DIR"] or "./data").expanduser().absolute()
        if values["SENDDOCK_DATABASE_URL"] is None and re.search("[?%]", str(data_dir)):
            # They mean something in the address of a database: it would be put elsewhere.
            raise ConfigurationError(
                f"SENDDOCK_DATA_DIR is {str(data_dir)!r}: choose a folder without ? and % in its path"
            )
        cert, key = _path(values, "SENDDOCK_TLS_CERT"), _path(values, "SENDDOCK_TLS_KEY")
        if (cert is None) != (key is None):
            missing = "SENDDOCK_TLS_KEY" if key is None else "SENDDOCK_TLS_CERT"
            raise ConfigurationError(f"{missing} is not set: a certificate and its key go together")
        smtps = values["SENDDOCK_SMTPS_BIND"]
        if smtps and cert is None:
            raise ConfigurationError("SENDDOCK_SMTPS_BIND needs SENDDOCK_TLS_CERT and SENDDOCK_TLS_KEY")
        return cls(
            data_dir=data_dir,
            database_url=_database_url(values["SENDDOCK_DATABASE_URL"], data_dir),
            redis_url=_redis_url(values["SENDDOCK_REDIS_URL"]),
            master_key=values["SENDDOCK_MASTER_KEY"],
            web_bind=_bind(values, "SENDDOCK_WEB_BIND"),
            smtp_bind=_bind(values, "SENDDOCK_SMTP_BIND"),
            smtps_bind=_bind(values, "SENDDOCK_SMTPS_BIND") if smtps else None,
            tls_cert=cert,
            tls_key=key,
            workers=_number(values, "SENDDOCK_WORKERS", 1, 64),
            lanes=_number(values, "SENDDOCK_LANES", 1, 100),
            dns_servers=_dns_servers(values["SENDDOCK_DNS_SERVERS"]),
            public_url=_public_url(values["SENDDOCK_PUBLIC_URL"]),
            proxy_hops=_number(values, "SENDDOCK_PROXY_HOPS", 0, 5),
            log_format=_one_of(values, "SENDDOCK_LOG_FORMAT", ("console", "json")),
            metrics_token=_long_enough(values, "SENDDOCK_METRICS_TOKEN"),
            helo_name=_helo_name(values["SENDDOCK_HELO_NAME"]),
            sendmail_key=values["SENDDOCK_SENDMAIL_KEY"],
            attachment_urls=_one_of(values, "SENDDOCK_ATTACHMENT_URLS", ("on", "off")) == "on",
        )


def _read(environ: Mapping[str, str]) -> dict[str, str | None]:
    known = set(VARIABLES) | {f"{name}_FILE" for name in VARIABLES}
    for name in sorted(environ):
        if name.startswith(_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{name} is not a setting of SendDock{guess}")
    values: dict[str, str | None] = {}
    for name, default in VARIABLES.items():
        given, file = environ.get(name), environ.get(f"{name}_FILE")
        if given is not None and file is not None:
            raise ConfigurationError(f"{name} and {name}_FILE are both set: keep one of them")
        if file is not None:
            try:
                given = Path(file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"{name}_FILE cannot be read: {error}") from error
            if not given:
                raise ConfigurationError(f"{name}_FILE names an empty file")
        values[name] = (given or "").strip() or default
    return values


def _database_url(given: str | None, data_dir: Path) -> str:
    if given is None:
        return f"sqlite:///{data_dir / 'senddock.db'}"
    scheme = given.partition("://")[0]
    if scheme in ("postgresql", "postgres"):
        return "postgresql+psycopg://" + given.partition("://")[2]
    if scheme not in ("sqlite", "postgresql+psycopg") or "://" not in given:
        raise ConfigurationError(
            "SENDDOCK_DATABASE_URL must begin with postgresql+psycopg:// or sqlite:/// (other databases are not supported)"
        )
    return given


def _redis_url(given: str | None) -> str | None:
    if given is not None and urlsplit(given).scheme not in ("redis", "rediss", "unix"):
        raise ConfigurationError("SENDDOCK_REDIS_URL must begin with redis://, rediss:// or unix://")
    return given


def _bind(values: Mapping[str, str | None], name: str) -> tuple[str, int]:
    text = values[name] or ""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        if not colon or not 0 <= int(port) <= 65535:
            raise ValueError
        if host != "localhost":
            ipaddress.ip_address(host)
    except ValueError as error:
        raise ConfigurationError(f"{name} is {text!r}: write address:port, such as 127.0.0.1:5870") from error
    return host, int(port)


def _number(values: Mapping[str, str | None], name: str, least: int, most: int) -> int:
    text = values[name] or ""
    if not re.fullmatch(r"\d{1,6}", text) or not least <= int(text) <= most:
        raise ConfigurationError(f"{name} is {text!r}: write a whole number from {least} to {most}")
    return int(text)


def _one_of(values: Mapping[str, str | None], name: str, choices: tuple[str, ...]) -> str:
    text = values[name] or ""
    if text not in choices:
        raise ConfigurationError(f"{name} is {text!r}: write {' or '.join(choices)}")
    return text


def _path(values: Mapping[str, str | None], name: str) -> Path | None:
    text = values[name]
    if text is None:
        return None
    if not Path(text).is_file():
        raise ConfigurationError(f"{name} names {text!r}, which is not a file")
    return Path(text)


def _dns_servers(given: str | None) -> tuple[str, ...]:
    servers = []
    for part in (given or "").split(","):
        if not part.strip():
            continue
        host, port = _bind({"SENDDOCK_DNS_SERVERS": _with_port(part.strip())}, "SENDDOCK_DNS_SERVERS")
        servers.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    return tuple(servers)


def _with_port(server: str) -> str:
    try:
        ipaddress.ip_address(server.strip("[]"))
    except ValueError:
        return server
    return f"[{server.strip('[]')}]:53" if ":" in server else f"{server}:53"


def _public_url(given: str | None) -> str | None:
    if given is None:
        return None
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"SENDDOCK_PUBLIC_URL is {given!r}: write it as https://mail.example.com")
    return given.rstrip("/")


def _long_enough(values: Mapping[str, str | None], name: str) -> str | None:
    text = values[name]
    if text is not None and len(text) < 16:
        raise ConfigurationError(f"{name} is too short to be a secret: use at least 16 random characters")
    return text


def _helo_name(given: str | None) -> str:
    if given is not None:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", given):
            raise ConfigurationError(f"SENDDOCK_HELO_NAME is {given!r}: write a host name such as mail.example.com")
        return given
    name = os.uname().nodename
    return name if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name) else "localhost"
