"""Settings: defaults, secrets from files, and a refusal that names the variable."""

from pathlib import Path

import pytest

from senddock.config import VARIABLES, ConfigurationError, Settings


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = Settings.from_env({})
    assert settings.web_bind == ("127.0.0.1", 5870)
    assert settings.smtp_bind == ("127.0.0.1", 2525)
    assert settings.workers == 2
    assert settings.database_url == f"sqlite:///{Path('data').absolute() / 'senddock.db'}"
    assert settings.redis_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDDOCK_WEB_BIND", "5870"),
        ("SENDDOCK_WEB_BIND", "127.0.0.1:99999"),
        ("SENDDOCK_SMTP_BIND", "mail.example.com:25"),
        ("SENDDOCK_WORKERS", "0"),
        ("SENDDOCK_WORKERS", "two"),
        ("SENDDOCK_DATABASE_URL", "mysql://x"),
        ("SENDDOCK_REDIS_URL", "http://x"),
        ("SENDDOCK_PUBLIC_URL", "mail.example.com"),
        ("SENDDOCK_LOG_FORMAT", "xml"),
        ("SENDDOCK_DNS_SERVERS", "dns.example.com"),
        ("SENDDOCK_TLS_CERT", "/nowhere/cert.pem"),
        ("SENDDOCK_METRICS_TOKEN", "short"),
        ("SENDDOCK_SMTPS_BIND", "127.0.0.1:465"),
        ("SENDDOCK_HELO_NAME", "not a name"),
    ],
)
def test_a_wrong_value_stops_the_boot_and_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_env({name: value})


def test_an_unknown_variable_is_a_typing_mistake() -> None:
    with pytest.raises(ConfigurationError, match="did you mean SENDDOCK_WORKERS"):
        Settings.from_env({"SENDDOCK_WORKER": "2"})


def test_every_setting_can_come_from_a_file_but_not_twice(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("abc\n")
    assert Settings.from_env({"SENDDOCK_MASTER_KEY_FILE": str(secret)}).master_key == "abc"
    with pytest.raises(ConfigurationError, match="both set"):
        Settings.from_env({"SENDDOCK_MASTER_KEY_FILE": str(secret), "SENDDOCK_MASTER_KEY": "x"})
    with pytest.raises(ConfigurationError, match="SENDDOCK_MASTER_KEY_FILE"):
        Settings.from_env({"SENDDOCK_MASTER_KEY_FILE": str(tmp_path / "missing")})


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    shown = repr(Settings.from_env({"SENDDOCK_MASTER_KEY": "k3y", "SENDDOCK_DATABASE_URL": "postgresql://u:p4ss@h/d"}))
    assert "k3y" not in shown
    assert "p4ss" not in shown


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []
