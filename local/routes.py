"""Which service serves what: the one table that every ingress follows. Pure.

`make run` makes its ingress of it; `make k8s` and a test hold the manifests and the services'
own routes to it.
"""

PAGES = "/"
"""The prefix of the dashboard's files: what no other prefix takes."""
DASHBOARD = "dashboard"
"""Name of what serves them."""
ROUTES = {
    "/ws/events": "events",
    "/api/events": "events",
    "/api/session": "events",
    "/ws/system": "system",
    "/api/cameras": "system",
    "/ws/jobs": "joblogs",
    "/api/jobs": "joblogs",
    "/api/performance": "collector",
}
"""Services by the path prefixes that an ingress takes to them; by whole parts of a path."""
SERVICES = tuple(dict.fromkeys(ROUTES.values()))


def leads_to(path: str) -> str | None:
    """Return the service that a path of the streams and the API leads to; None: the pages."""
    fits = [prefix for prefix in ROUTES if f"{path}/".startswith(f"{prefix}/")]
    return ROUTES[max(fits, key=len)] if fits else None
