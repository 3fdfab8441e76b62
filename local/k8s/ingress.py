"""Whether what the world reaches is the table of routes, and nothing else. Pure."""

from collections.abc import Iterator

from local.k8s.manifests import Document, Finding, of_kind, title
from local.routes import DASHBOARD, OPTIONAL, PAGES, SERVICES, routes_of


def findings(documents: list[Document]) -> Iterator[Finding]:
    """Yield where an Ingress or an HTTPRoute is not what local/routes.py says."""
    names = {each["metadata"]["name"] for each in of_kind(documents, "Service")}
    there = [service for service in OPTIONAL if service in names]
    wanted = {**routes_of(*SERVICES, *there), PAGES: DASHBOARD}
    for document in of_kind(documents, "Ingress", "HTTPRoute"):
        for rules in _hosts(document):
            found = dict(rules)
            for path in sorted(found.keys() | wanted.keys()):
                if found.get(path) != wanted.get(path):
                    yield Finding(
                        title(document),
                        f"{path} leads to {found.get(path) or 'nothing'}, and local/routes.py "
                        f"says {wanted.get(path) or 'nothing'}",
                    )


def _hosts(document: Document) -> Iterator[Iterator[tuple[str, str]]]:
    """Yield for each host its paths, and the services that they lead to."""
    rules = document["spec"]["rules"]
    if document["kind"] == "Ingress":
        for rule in rules:
            yield ((each["path"], each["backend"]["service"]["name"]) for each in _paths(rule))
    else:
        yield (
            (match["path"]["value"], rule["backendRefs"][0]["name"])
            for rule in rules
            for match in rule["matches"]
            # One that redirects to https leads to no service.
            if rule.get("backendRefs")
        )


def _paths(rule: Document) -> list[Document]:
    return list(rule["http"]["paths"])
