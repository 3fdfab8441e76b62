"""What leads nowhere: selectors that take no pods, names that nothing has. Pure."""

from collections.abc import Iterator
from typing import Any

from local.k8s.manifests import Document, Finding, of_kind, ports, selects, title, workloads


def findings(documents: list[Document]) -> Iterator[Finding]:
    """Yield what leads nowhere."""
    labels = [pod.labels for pod in workloads(documents)]
    known = {(each["kind"], each["metadata"]["name"]) for each in documents}
    for document in documents:
        for what, selector in _selectors(document):
            if not any(selects(selector, each) for each in labels):
                yield Finding(title(document), f"{what} takes none of the pods")
        for name in _names(document):
            if name not in known:
                yield Finding(title(document), f"there is no {' '.join(name)}")
    yield from _ports(documents)


def _selectors(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield the selectors of an object that have to take some of our own pods."""
    spec = document.get("spec") or {}
    match document["kind"]:
        case "Service":
            yield "its selector", {"matchLabels": spec.get("selector")}
        case "PodDisruptionBudget":
            yield "its selector", spec.get("selector")
        case "NetworkPolicy":
            yield "its podSelector", spec["podSelector"]
            rules = [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]
            for peer in (peer for rule in rules for peer in _peers(rule)):
                # Pods of other namespaces are not here to be looked at.
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    yield "a peer's podSelector", peer["podSelector"]


def _peers(rule: Document) -> list[Document]:
    return [*(rule.get("from") or ()), *(rule.get("to") or ())]


def _names(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the kinds and names of what an object refers to, Secrets aside: those are yours."""
    spec = document.get("spec") or {}
    match document["kind"]:
        case "HorizontalPodAutoscaler":
            yield spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]
        case "Ingress":
            yield from (("Service", backend["name"]) for backend in _backends(document))
        case "HTTPRoute":
            yield from (("Service", backend["name"]) for backend in _routed(document))
        case "RoleBinding":
            for each in (document["roleRef"], *document["subjects"]):
                yield each["kind"], each["name"]
        case "Deployment" | "StatefulSet":
            yield from _names_in_pod(spec["template"]["spec"])


def _names_in_pod(spec: Document) -> Iterator[tuple[str, str]]:
    yield "ServiceAccount", spec["serviceAccountName"]
    sources = [each for part in spec["containers"] for each in part.get("envFrom") or ()]
    maps = [each.get("configMapRef") for each in sources]
    maps += [each.get("configMap") for each in spec.get("volumes") or ()]
    yield from (("ConfigMap", each["name"]) for each in maps if each)


def _backends(ingress: Document) -> list[Document]:
    return [
        path["backend"]["service"]
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]


def _routed(route: Document) -> list[Document]:
    return [backend for rule in route["spec"]["rules"] for backend in rule.get("backendRefs") or ()]


def _ports(documents: list[Document]) -> Iterator[Finding]:
    """Yield ports that are asked for and that nobody has."""
    pods = workloads(documents)
    for pod in pods:
        for port in _probed(pod.container) - ports(pod).keys():
            yield Finding(title(pod.document), f"a probe asks for a port that it has not: {port}")
    services = of_kind(documents, "Service")
    for service in services:
        selector = {"matchLabels": service["spec"].get("selector")}
        for pod in (pod for pod in pods if selects(selector, pod.labels)):
            for port in {each["targetPort"] for each in service["spec"]["ports"]} - ports(
                pod
            ).keys():
                yield Finding(title(service), f"its pods have no port {port}")
    offered = {
        (service["metadata"]["name"], port[key])
        for service in services
        for port in service["spec"]["ports"]
        for key in ("name", "port")
    }
    asked = [
        *(
            (ingress, each["name"], each["port"]["name"])
            for ingress in of_kind(documents, "Ingress")
            for each in _backends(ingress)
        ),
        *(
            (route, each["name"], each["port"])
            for route in of_kind(documents, "HTTPRoute")
            for each in _routed(route)
        ),
    ]
    for document, name, port in asked:
        if (name, port) not in offered:
            yield Finding(title(document), f"Service {name} has no port {port}")


def _probed(container: Document) -> set[str]:
    """Return the ports that a container's probes ask."""
    probes = [container.get(f"{kind}Probe") or {} for kind in ("startup", "readiness", "liveness")]
    ways = [probe.get(way) for probe in probes for way in ("httpGet", "tcpSocket")]
    return {way["port"] for way in ways if way}
