"""What was rendered, and how to find one's way in it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Document = dict[str, Any]
"""One Kubernetes object."""


class Finding(NamedTuple):
    """Something that must not stay as it is."""

    where: str
    what: str


class Workload(NamedTuple):
    """What makes pods."""

    document: Document
    metadata: Document
    """Of its pods."""
    spec: Document
    """Of its pods."""

    @property
    def labels(self) -> dict[str, str]:
        """Return those of its pods."""
        return dict(self.metadata.get("labels") or {})

    @property
    def container(self) -> Document:
        """Return its first container, which is the only one of ours."""
        return dict(self.spec["containers"][0])


def title(document: Document) -> str:
    """Say which object it is."""
    return f"{document['kind']} {document['metadata']['name']}"


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    """Return those of these kinds."""
    return [document for document in documents if document["kind"] in kinds]


def workloads(documents: list[Document]) -> list[Workload]:
    """Return what makes pods."""
    return [
        Workload(document, template.get("metadata") or {}, template["spec"])
        for document in of_kind(documents, "Deployment", "StatefulSet", "DaemonSet", "Job")
        for template in [document["spec"]["template"]]
    ]


def annotations(document: Document) -> dict[str, str]:
    """Return an object's annotations."""
    return dict(document["metadata"].get("annotations") or {})


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector takes labels; an empty one takes all, none takes nothing."""
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _meets(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    if operator in {"Exists", "DoesNotExist"}:
        return (key in labels) is (operator == "Exists")
    values: list[str] = expression["values"]
    return (labels.get(key) in values) is (operator == "In")


def ports(workload: Workload) -> dict[str, int]:
    """Return the ports of a workload's containers by their names."""
    return {
        port["name"]: port["containerPort"]
        for container in workload.spec["containers"]
        for port in container.get("ports") or ()
    }


def variables(workload: Workload, documents: list[Document]) -> Iterator[tuple[str, str | None]]:
    """Yield the first container's variables; None for what a Secret holds, or what is not there."""
    maps = {each["metadata"]["name"]: each for each in of_kind(documents, "ConfigMap")}
    for source in workload.container.get("envFrom") or ():
        if reference := source.get("configMapRef"):
            yield from (maps.get(reference["name"], {}).get("data") or {}).items()
    for variable in workload.container.get("env") or ():
        yield variable["name"], variable.get("value")
