"""`python -m local.k8s`, which is `make k8s`: render everything, and check it."""

import json
import sys

from local.k8s import ingress, posture, references, schemas, services
from local.k8s.manifests import Document, Finding, annotations, title, workloads
from local.k8s.rendering import FOLDER, ROOT, RenderError, parse, render, variants
from local.k8s.scan import ScanError, scan


def main() -> int:
    """Return the exit status: 0 if there is nothing to be found."""
    try:
        rendered = {variant.name: render(variant) for variant in variants()}
    except RenderError as error:
        print(f"error: {error}")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.yaml"):
        old.unlink()
    files = []
    for name, text in rendered.items():
        files.append(FOLDER / f"{name}.yaml")
        files[-1].write_text(text)
    objects = {name: parse(text) for name, text in rendered.items()}
    print(f"Rendered into {FOLDER.relative_to(ROOT)}/: {', '.join(objects)}")

    found = [
        *_invalid(objects),
        *(
            Finding(f"{name}: {finding.where}", finding.what)
            for name, documents in objects.items()
            for check in (
                posture.findings,
                references.findings,
                services.findings,
                ingress.findings,
            )
            for finding in check(documents)
        ),
    ]
    _say_posture(objects)
    try:
        result = scan(files)
    except ScanError as error:
        found.append(Finding("scan", str(error)))
    else:
        found += result.failed
        print(f"Scan: {result.passed} checks passed. Left out, with a reason:")
        for check, reasons in sorted(result.excepted.items()):
            print(*(f"  {check}: {reason}" for reason in sorted(reasons)), sep="\n")
    for finding in dict.fromkeys(found):
        print(f"{finding.where}: {finding.what}")
    print(f"{len(set(found))} findings" if found else "Nothing found.")
    return 1 if found else 0


def _invalid(objects: dict[str, list[Document]]) -> list[Finding]:
    """Check each object by itself, and once: variants have most of them in common."""
    different = {
        json.dumps(document, sort_keys=True): (name, document)
        for name, documents in objects.items()
        for document in documents
    }
    found = [
        Finding(f"{name}: {title(document)}", mistake)
        for name, document in different.values()
        for mistake in schemas.mistakes(document)
    ]
    versions = " and ".join(schemas.VERSIONS)
    print(f"Checked by the schemas of Kubernetes {versions}: {len(different)} objects")
    return found


def _say_posture(objects: dict[str, list[Document]]) -> None:
    beyond = {
        (title(workload.document), rules)
        for documents in objects.values()
        for workload in workloads(documents)
        if (rules := annotations(workload.document).get(posture.BEYOND))
    }
    says = "".join(f"; beyond it, on purpose: {who} ({rules})" for who, rules in sorted(beyond))
    print(f"Checked by the restricted Pod Security Standard: all pods{says}")


if __name__ == "__main__":
    sys.exit(main())
