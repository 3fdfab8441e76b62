"""What a text of this repository refers to is there: headings, files, links."""

import re

import pytest

from local.words import ROOT, committed

_HEADING = re.compile(r'\b([\w/]+\.md),? "([^"]+)"')
_PATH = re.compile(
    r"(?<![\w./-])((?:tests|shared|services|local|bench|deploy|docs|examples)/[\w./-]+"
    r"\.(?:py|md|lua|acl|yaml|json|sql|tsx?))\b"
)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_EXAMPLES = {"deploy/k8s/overlays/mine/kustomization.yaml"}
"""Paths of a reader's own."""
_MARK = re.compile(r"\s*\n[ \t]*(?:#|//|\*|--)?[ \t]*")

TEXTS = {
    # A reference may be broken over two lines of a comment.
    path: _MARK.sub(" ", text)
    for path, text in committed(ROOT)
    if not path.endswith((".json", ".txt")) and path != "tests/test_references.py"
}


def headings(document: str) -> set[str]:
    """Return the headings of a document, without their numbers."""
    return set(re.findall(r"^#+ (?:\d+\. )?(.+)$", (ROOT / document).read_text(), re.MULTILINE))


def test_every_heading_that_is_referred_to_exists() -> None:
    found = [
        (path, document, heading)
        for path, text in TEXTS.items()
        for document, heading in _HEADING.findall(text)
    ]
    assert {document for _, document, _ in found} >= {"ARCHITECTURE.md", "docs/configuration.md"}
    for path, document, heading in found:
        assert heading in headings(document), f'{path}: {document}, "{heading}"'


def test_every_file_that_is_named_by_its_path_exists() -> None:
    found = {(path, named) for path, text in TEXTS.items() for named in _PATH.findall(text)}
    assert len(found) > 100
    missing = sorted(
        (path, named)
        for path, named in found
        if named not in _EXAMPLES and not (ROOT / named).exists()
    )
    assert not missing


@pytest.mark.parametrize("path", [path for path in TEXTS if path.endswith(".md")])
def test_every_link_leads_somewhere(path: str) -> None:
    for target in _LINK.findall((ROOT / path).read_text()):
        assert (ROOT / path).parent.joinpath(target).exists(), target
