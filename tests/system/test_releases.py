"""What a release is made of: `make packages`, `make sbom`, and the workflow that calls them."""

import json
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from hsi import __version__
from local.routes import DASHBOARD, OPTIONAL, SERVICES
from tests.servers import ROOT

pytestmark = [pytest.mark.package, pytest.mark.timeout(400), pytest.mark.xdist_group("packages")]

DIST = ROOT / "dist"
WORKFLOW = ROOT / ".github/workflows/release.yml"


def make(target: str) -> None:
    done = subprocess.run(
        ["make", target],  # noqa: S607 (the machine's own)
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def locked(service: str) -> set[str]:
    """Return what a service's lock file names, as NAME==VERSION."""
    text = (ROOT / "requirements" / f"{service}.txt").read_text()
    return set(re.findall(r"^([\w.-]+==[\w.]+)", text, re.MULTILINE))


def test_each_image_s_list_names_what_its_lock_file_names_and_nothing_else() -> None:
    make("sbom")
    for service in (*SERVICES, *OPTIONAL):
        listed = json.loads((DIST / f"{service}.cdx.json").read_text())
        assert listed["bomFormat"] == "CycloneDX"
        found = {f"{each['name']}=={each['version']}" for each in listed["components"]}
        assert found == locked(service)
    listed = json.loads((DIST / f"{DASHBOARD}.cdx.json").read_text())
    # What builds the pages, too: npm leaves React out with what is left out for development.
    assert {"react", "react-dom", "swr", "uplot"} <= {each["name"] for each in listed["components"]}


def test_what_is_published_is_built_and_has_the_version() -> None:
    make("packages")
    wheel = DIST / f"hsi_client-{__version__}-py3-none-any.whl"
    assert "hsi/publisher.py" in zipfile.ZipFile(wheel).namelist()
    with tarfile.open(DIST / f"hsi-realtime-{__version__}.tgz") as package:
        assert any(Path(name).suffix == ".js" for name in package.getnames())


def test_the_workflow_releases_every_image_and_may_do_no_more_than_each_job_needs() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    jobs = workflow["jobs"]
    images = jobs["images"]["strategy"]["matrix"]["image"]
    assert set(images) == {*SERVICES, *OPTIONAL, DASHBOARD}
    assert workflow["permissions"] == {}
    may_write = {
        name: {what for what, level in job["permissions"].items() if level == "write"}
        for name, job in jobs.items()
    }
    assert may_write == {
        "test": set(),
        "images": {"packages", "id-token"},
        "packages": {"id-token", "attestations"},
        "release": {"contents"},
    }
    assert all(
        "test" in job["needs"] for name, job in jobs.items() if name in {"images", "packages"}
    )
    assert set(jobs["release"]["needs"]) == {"images", "packages"}
