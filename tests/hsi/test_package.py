"""hsi-client as others install it: what is in its wheel, and what it needs."""

import re
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest

from tests.conftest import Install
from tests.installed import build_wheel
from tests.servers import ROOT

# It builds wheels, and makes virtual environments.
pytestmark = [pytest.mark.server, pytest.mark.package]

PUBLISHES = """
import sys
import hsi, hsi.publisher, hsi.consumer, hsi.joblogs, hsi.latency, hsi.schemas
assert all(getattr(hsi, name) for name in hsi.__all__)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
"""Imports what producers use, and prints the packages that came along."""
NOT_NEEDED = {
    *("asyncpg", "click", "hsi_service", "httptools", "httpx", "litestar", "prometheus_client"),
    *("psutil", "services", "uvicorn", "uvloop", "websockets"),
}
LOCKS = ("events", "system", "joblogs", "collector", "dev")


def top_level(wheel: Path) -> set[str]:
    return {Path(name).parts[0] for name in ZipFile(wheel).namelist()}


def test_its_wheel_is_hsi_alone_with_its_types_scripts_and_rules(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    (metadata,) = top_level(wheel) - {"hsi"}
    assert re.fullmatch(r"hsi_client-[0-9.]+\.dist-info", metadata)
    sources = [path for path in (ROOT / "shared/hsi").rglob("*") if path.is_file()]
    expected = {
        str(path.relative_to(ROOT / "shared"))
        for path in sources
        if path.suffix in {".py", ".lua", ".acl"} or path.name == "py.typed"
    }
    assert {name for name in names if name.startswith("hsi/")} == expected
    assert {"hsi/py.typed", "hsi/publish_v1.lua", "hsi/publish_v2.lua"} < expected
    assert "hsi/cli/users.acl" in expected


def test_the_services_wheel_has_no_local_and_no_bench(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name in ("services", "shared", "local", "bench", "tests"):
        copytree(ROOT / name, project / name, ignore=ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (project / name).write_bytes((ROOT / name).read_bytes())
    packages = top_level(build_wheel(project, tmp_path / "built"))
    assert {name for name in packages if not name.endswith(".dist-info")} == {
        "services",
        "hsi_service",
    }


def test_to_publish_it_needs_msgspec_and_redis_only(install: Install) -> None:
    bare = install()
    assert bare.requires == ["hiredis", "msgspec", "redis"]
    done = bare.run("python", "-W", "error", "-c", PUBLISHES)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert {"hsi", "msgspec", "redis"} < imported
    assert not imported & NOT_NEEDED


@pytest.mark.parametrize(
    ("extras", "missing"), [((), "click"), (("client",), "click")], ids=["bare", "client"]
)
def test_without_its_extra_the_command_line_says_what_to_install(
    install: Install, extras: tuple[str, ...], missing: str
) -> None:
    done = install(*extras).run("hsi", "tail", "events")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"hsi: {missing} is missing; pip install 'hsi-client[cli]'\n"


def test_with_the_extra_client_it_follows_streams(install: Install) -> None:
    client = install("client")
    assert client.requires == ["hiredis", "msgspec", "redis", "websockets"]
    done = client.run("python", "-W", "error", "-c", "import hsi.client")
    assert done.returncode == 0, done.stderr


def test_with_the_extra_cli_there_is_the_command_line(install: Install) -> None:
    cli = install("cli")
    assert cli.requires == ["click", "hiredis", "msgspec", "redis", "segno", "websockets"]
    done = cli.run("hsi", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "run-job" in done.stdout
    # The rules that `hsi secrets` reads are data of the package.
    secrets = cli.run("hsi", "secrets", DATABASE_URL="")
    assert secrets.returncode == 0, secrets.stderr
    assert '"producer"' in secrets.stdout


@pytest.mark.parametrize("lock", LOCKS)
def test_every_lock_has_hashes_and_no_addresses_and_what_the_wheel_needs(
    install: Install, lock: str
) -> None:
    text = (ROOT / f"requirements/{lock}.txt").read_text()
    assert "://" not in text
    assert "hsi-client" not in text
    pinned: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", text.rstrip()):
        name, _, version = entry.split()[0].partition("==")
        assert "--hash=sha256:" in entry
        pinned[name.partition("[")[0]] = version
    for need in install(*(["cli"] if lock == "dev" else [])).needs:
        assert need.specifier.contains(pinned[need.name])
