"""What the API server would refuse by its schemas, of the oldest and the newest that we support.

Kinds that operators and the Gateway API bring are not in those. We use three, and few fields of
them, which are written down here; a field that is not is refused.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import kubernetes_validate
import msgspec
import promql_parser
from msgspec import Meta, Struct

from local.k8s.manifests import Document

VERSIONS = ("1.32", kubernetes_validate.latest_version().rpartition(".")[0])
"""Of Kubernetes; between the two nothing that we use has changed."""

Duration = Annotated[str, Meta(pattern=r"^([1-9][0-9]*(ms|s|m|h|d))+$")]
_ALERT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Metadata(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    namespace: str
    labels: dict[str, str] = {}


class _Object(Struct, forbid_unknown_fields=True, rename="camel"):
    api_version: str
    kind: str
    metadata: _Metadata


class _Selector(Struct, forbid_unknown_fields=True, rename="camel"):
    match_labels: dict[str, str]


class _Relabeling(Struct, forbid_unknown_fields=True, rename="camel"):
    target_label: str
    replacement: str


class _Endpoint(Struct, forbid_unknown_fields=True, rename="camel"):
    port: str
    path: str
    interval: Duration
    scrape_timeout: Duration
    honor_labels: bool
    relabelings: list[_Relabeling]


class _Scraping(Struct, forbid_unknown_fields=True, rename="camel"):
    job_label: str
    selector: _Selector
    endpoints: list[_Endpoint]


class ServiceMonitor(_Object):
    """What the Prometheus operator is to scrape."""

    spec: _Scraping


class Alert(Struct, forbid_unknown_fields=True, rename={"wait": "for"}):
    """A rule of Prometheus'."""

    alert: str
    expr: str
    annotations: dict[str, str]
    labels: dict[str, str] = {}
    wait: Duration | None = None

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        if not _ALERT.fullmatch(self.alert):
            raise ValueError(f"{self.alert} is no name of an alert")
        promql_parser.parse(self.expr)


class _Group(Struct, forbid_unknown_fields=True):
    name: str
    rules: list[Alert]


class _Groups(Struct, forbid_unknown_fields=True):
    groups: list[_Group]


class PrometheusRule(_Object):
    """Alerts."""

    spec: _Groups


class _Parent(Struct, forbid_unknown_fields=True, rename="camel"):
    name: str
    namespace: str
    section_name: str


class _Path(Struct, forbid_unknown_fields=True):
    type: Literal["PathPrefix", "Exact"]
    value: Annotated[str, Meta(pattern=r"^/")]


class _Match(Struct, forbid_unknown_fields=True):
    path: _Path


class _Backend(Struct, forbid_unknown_fields=True):
    name: str
    port: Annotated[int, Meta(ge=1, le=65535)]


class _Timeouts(Struct, forbid_unknown_fields=True):
    request: Annotated[str, Meta(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")]


class _Rule(Struct, forbid_unknown_fields=True, rename="camel"):
    matches: Annotated[list[_Match], Meta(min_length=1, max_length=64)]
    backend_refs: list[_Backend]
    timeouts: _Timeouts | None = None


class _Routing(Struct, forbid_unknown_fields=True, rename="camel"):
    parent_refs: list[_Parent]
    hostnames: list[str]
    rules: Annotated[list[_Rule], Meta(min_length=1, max_length=16)]


class HTTPRoute(_Object):
    """What leads from a Gateway to services."""

    spec: _Routing


_BROUGHT: dict[tuple[str, str], type[Struct]] = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): ServiceMonitor,
    ("monitoring.coreos.com/v1", "PrometheusRule"): PrometheusRule,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): HTTPRoute,
}


def mistakes(document: Document, versions: Sequence[str] = VERSIONS) -> list[str]:
    """Return what is wrong with an object by itself; unknown fields are."""
    kind = (document["apiVersion"], document["kind"])
    if brought := _BROUGHT.get(kind):
        try:
            msgspec.convert(document, brought)
        except msgspec.ValidationError as error:
            return [str(error)]
        return []
    found = []
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            found.append(f"Kubernetes {version} has no {' '.join(kind)}")
        except kubernetes_validate.ValidationError as error:
            where = ".".join(map(str, error.path))
            found.append(f"Kubernetes {version}: {where}: {error.message}")
    return found
