"""The static security scan: checkov, which asks nobody anything here."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from local.k8s.manifests import Finding
from local.k8s.rendering import ROOT

CHECKOV = ROOT / ".local" / "scan" / "bin" / "checkov"
"""`make k8s` puts it there."""


class ScanError(Exception):
    """There is no result; the text says why."""


class Scan(NamedTuple):
    """What it found."""

    passed: int
    failed: list[Finding]
    excepted: dict[str, set[str]]
    """Reasons, by the check that is left out."""


def scan(files: Sequence[Path]) -> Scan:
    """Scan rendered files.

    Raises:
        ScanError: It cannot be run, or did not end as it should.

    """
    if not CHECKOV.exists():
        raise ScanError(f"{CHECKOV.relative_to(ROOT)} is not there; make k8s puts it there")
    options = ["--framework=kubernetes", "--skip-download", "--compact", "--output=json"]
    done = subprocess.run(
        [CHECKOV, *options, *(f"--file={file}" for file in files)],
        # No home, so that no settings or keys of yours have a say; no look for a newer version.
        env={"PATH": os.environ["PATH"], "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        results = json.loads(done.stdout)["results"]
        passed = len(results["passed_checks"])
    except (ValueError, LookupError, TypeError) as error:
        raise ScanError(f"checkov: {error}; {done.stderr.strip()[-500:]}") from error
    if not passed:
        raise ScanError("checkov: it checked nothing")
    excepted: dict[str, set[str]] = {}
    for check in results["skipped_checks"]:
        reason = check["check_result"]["suppress_comment"]
        excepted.setdefault(check["check_id"], set()).add(reason)
    failed = [
        Finding(
            f"{Path(check['file_path']).stem}: {check['resource']}",
            f"{check['check_id']}: {check['check_name']}",
        )
        for check in results["failed_checks"]
    ]
    failed += [
        Finding("scan", f"{file} cannot be read") for file in results.get("parsing_errors") or ()
    ]
    return Scan(passed, failed, excepted)
