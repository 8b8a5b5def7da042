"""What `pip install senddock` brings: the whole house, and it runs."""

import re
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.e2e.house import installation

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the working tree by what `pip` would call."""
    folder = tmp_path_factory.mktemp("wheel")
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(built, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it lies among installed packages, away from the repository."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def _below(top: str, *patterns: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for pattern in patterns
        for path in (ROOT / top).rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_file_that_is_read_at_run_time_is_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    code = _below("senddock", "*.py", "*.mo", "*.lua", "*.toml", "*.md", "*.json", "*.txt", "py.typed")
    assets = {f"senddock/_assets/{path}" for path in _below("templates", "*") | _below("static", "*")}
    migrations = {f"senddock/_assets/{path}" for path in _below("migrations", "*.py", "*.mako")}
    for kind in (".mo", ".lua", ".toml", ".md", ".py"):
        assert any(path.endswith(kind) for path in code), kind
    assert len(assets) > 80
    assert len(migrations) > 5
    assert (code | assets | migrations) - inside == set()


def test_nothing_that_is_not_part_of_the_program_is_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        strays = [name for name in archive.namelist() if not name.startswith(("senddock/", "senddock-"))]
    assert strays == []


def test_the_panel_of_an_installed_wheel_is_whole(installed: Path) -> None:
    with installation({"PYTHONPATH": str(installed)}) as house:
        where = [sys.executable, "-c", "import senddock; print(senddock.__file__)"]
        asked = subprocess.run(where, env=house.environ, capture_output=True, text=True, check=True, cwd=house.folder)
        assert asked.stdout.startswith(str(installed))
        house.start()
        link = next(word for word in house.log.read_text().split() if "/setup?token=" in word)
        page = urllib.request.urlopen(link, timeout=20).read().decode()
        assert "Create your account" in page
        for address in re.findall(r'(?:href|src)="(/static/[^"#]+)', page):
            assert house.get(address)[0] == 200, address
        asked_in_spanish = urllib.request.Request(link, headers={"Accept-Language": "es"})
        assert "Crea tu cuenta" in urllib.request.urlopen(asked_in_spanish, timeout=20).read().decode()
