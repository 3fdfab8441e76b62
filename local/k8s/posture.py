"""What a rendered variant lets its pods do, and be. Pure."""

from collections.abc import Iterator

from local.k8s.manifests import (
    Document,
    Finding,
    Workload,
    annotations,
    of_kind,
    selects,
    title,
    workloads,
)
from local.k8s.pod_security import RULES, violations

BEYOND = "hsi-realtime/beyond-restricted"
"""Annotation of a workload: rules of the restricted standard that its pods break on purpose."""
_LEVEL = "pod-security.kubernetes.io/enforce"


def findings(documents: list[Document]) -> Iterator[Finding]:
    """Yield what is not as restricted as it could be."""
    for workload in workloads(documents):
        yield from _restricted(workload)
        yield from _containers(workload)
        yield from _network(workload, of_kind(documents, "NetworkPolicy"))
    yield from _level(documents)


def _exceptions(workload: Workload) -> set[str]:
    return set(filter(None, annotations(workload.document).get(BEYOND, "").split(",")))


def _restricted(workload: Workload) -> Iterator[Finding]:
    """Compare with the restricted standard and with the exceptions, which have to be needed."""
    where, excepted = title(workload.document), _exceptions(workload)
    broken = violations(workload.spec, workload.metadata.get("annotations"))
    for violation in broken:
        if violation.rule not in excepted:
            yield Finding(where, f"is not restricted: {violation.rule} ({violation.where})")
    for rule in sorted(excepted - {violation.rule for violation in broken}):
        why = "it does not break" if rule in RULES else "does not exist:"
        yield Finding(where, f"{BEYOND} names a rule that {why} {rule}")


def _containers(workload: Workload) -> Iterator[Finding]:
    for container in workload.spec["containers"]:
        if not (container.get("securityContext") or {}).get("readOnlyRootFilesystem"):
            yield Finding(title(workload.document), "can write to its root file system")
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if "@" not in container["image"] and tag in {"", "latest"}:
            yield Finding(title(workload.document), f"{container['image']} names no version")


def _network(workload: Workload, policies: list[Document]) -> Iterator[Finding]:
    for way in ("Ingress", "Egress"):
        if not any(
            way in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"], workload.labels)
            for policy in policies
        ):
            yield Finding(title(workload.document), f"no NetworkPolicy is about its {way.lower()}")


def _level(documents: list[Document]) -> Iterator[Finding]:
    """Compare the level that the namespace enforces with what its pods need."""
    for namespace in of_kind(documents, "Namespace"):
        level = (namespace["metadata"].get("labels") or {}).get(_LEVEL)
        needs_more = any(map(_exceptions, workloads(documents)))
        if needs_more == (level == "restricted"):
            what = "would refuse some of its pods" if needs_more else "could be restricted"
            yield Finding(title(namespace), f"enforces {level}, and {what}")
