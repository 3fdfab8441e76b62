"""The restricted Pod Security Standard, as Kubernetes 1.32 to 1.37 have it.

Pure. Rules have the names that the API server's own have. Where versions differ, the strictest one
counts; for Linux alone, and without what is allowed in user namespaces.
https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SELINUX_TYPES = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
_PROFILES = frozenset({"RuntimeDefault", "Localhost"})
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"

Part = Mapping[str, Any]


class Violation(NamedTuple):
    """A rule that a pod breaks, and where it does."""

    rule: str
    where: str


def violations(spec: Part, annotations: Mapping[str, str] | None = None) -> list[Violation]:
    """Return what of a pod the restricted standard does not allow.

    Args:
        spec: The pod's.
        annotations: The pod's.

    """
    found = [Violation(rule, where) for rule, check in _RULES.items() for where in check(spec)]
    found.extend(
        Violation("appArmorProfile", name)
        for name, value in (annotations or {}).items()
        if name.startswith(_APPARMOR)
        and value not in {"", "runtime/default"}
        and not value.startswith("localhost/")
    )
    return found


def _containers(spec: Part) -> Iterator[Part]:
    for kind in _CONTAINERS:
        yield from spec.get(kind) or ()


def _context(part: Part) -> Part:
    return part.get("securityContext") or {}


def _everywhere(spec: Part) -> Iterator[tuple[str, Part]]:
    """Yield the security contexts of the pod and of its containers, and whose they are."""
    yield "pod", _context(spec)
    for container in _containers(spec):
        yield container["name"], _context(container)


def _host_namespaces(spec: Part) -> Iterator[str]:
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))


def _privileged(spec: Part) -> Iterator[str]:
    yield from (each["name"] for each in _containers(spec) if _context(each).get("privileged"))


def _capabilities(spec: Part) -> Iterator[str]:
    for container in _containers(spec):
        capabilities = _context(container).get("capabilities") or {}
        dropped, added = capabilities.get("drop") or (), capabilities.get("add") or ()
        if "ALL" not in dropped or set(added) - {"NET_BIND_SERVICE"}:
            yield container["name"]


def _volumes(spec: Part) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        # Without a kind it is an emptyDir.
        if {kind for kind, value in volume.items() if value is not None} - _VOLUMES - {"name"}:
            yield f"volume {volume['name']}"


def _host_ports(spec: Part) -> Iterator[str]:
    for container in _containers(spec):
        if any(port.get("hostPort") for port in container.get("ports") or ()):
            yield container["name"]


def _host_probes(spec: Part) -> Iterator[str]:
    for container in _containers(spec):
        lifecycle = container.get("lifecycle") or {}
        asks = [container.get(f"{kind}Probe") for kind in ("liveness", "readiness", "startup")]
        asks += [lifecycle.get("postStart"), lifecycle.get("preStop")]
        handlers = [(ask or {}).get(way) for ask in asks for way in ("httpGet", "tcpSocket")]
        if any((handler or {}).get("host") for handler in handlers):
            yield container["name"]


def _apparmor(spec: Part) -> Iterator[str]:
    for whose, context in _everywhere(spec):
        profile = context.get("appArmorProfile")
        if profile is not None and profile.get("type") not in _PROFILES:
            yield whose


def _selinux(spec: Part) -> Iterator[str]:
    for whose, context in _everywhere(spec):
        options = context.get("seLinuxOptions") or {}
        if (
            (options.get("type") or "") not in _SELINUX_TYPES
            or options.get("user")
            or options.get("role")
        ):
            yield whose


def _proc_mount(spec: Part) -> Iterator[str]:
    for container in _containers(spec):
        if _context(container).get("procMount") not in {None, "Default"}:
            yield container["name"]


def _seccomp(spec: Part) -> Iterator[str]:
    def profile(context: Part) -> Any:
        return (context.get("seccompProfile") or {}).get("type")

    default = profile(_context(spec))
    if default not in {None, *_PROFILES}:
        yield "pod"
    for container in _containers(spec):
        # What a container says counts for it, and the pod's is not asked.
        if (profile(_context(container)) or default) not in _PROFILES:
            yield container["name"]


def _sysctls(spec: Part) -> Iterator[str]:
    names = {each["name"] for each in _context(spec).get("sysctls") or ()}
    yield from sorted(names - _SYSCTLS)


def _windows(spec: Part) -> Iterator[str]:
    for whose, context in _everywhere(spec):
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield whose


def _escalation(spec: Part) -> Iterator[str]:
    for container in _containers(spec):
        if _context(container).get("allowPrivilegeEscalation") is not False:
            yield container["name"]


def _non_root(spec: Part) -> Iterator[str]:
    default = _context(spec).get("runAsNonRoot")
    if default is False:
        yield "pod"
    for container in _containers(spec):
        own = _context(container).get("runAsNonRoot")
        if not (default if own is None else own):
            yield container["name"]


def _user(spec: Part) -> Iterator[str]:
    yield from (whose for whose, context in _everywhere(spec) if context.get("runAsUser") == 0)


_RULES: dict[str, Callable[[Part], Iterator[str]]] = {
    "allowPrivilegeEscalation": _escalation,
    "appArmorProfile": _apparmor,
    "capabilities_restricted": _capabilities,
    "hostNamespaces": _host_namespaces,
    "hostPorts": _host_ports,
    "hostProbesAndHostLifecycle": _host_probes,
    "privileged": _privileged,
    "procMount": _proc_mount,
    "restrictedVolumes": _volumes,
    "runAsNonRoot": _non_root,
    "runAsUser": _user,
    "seLinuxOptions": _selinux,
    "seccompProfile_restricted": _seccomp,
    "sysctls": _sysctls,
    "windowsHostProcess": _windows,
}
RULES = frozenset(_RULES)
"""Their names."""
