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
    "/api/breaker": "system",
    "/ws/jobs": "joblogs",
    "/api/jobs": "joblogs",
    "/api/performance": "collector",
    "/api/alerts": "collector",
}
"""Services by the path prefixes that an ingress takes to them; by whole parts of a path."""
SERVICES = tuple(dict.fromkeys(ROUTES.values()))
"""Those that every home has."""
OPTIONAL_ROUTES = {
    "/api/push": "notify",
    "/api/notify": "notify",
}
"""The same for services that a home may do without: an ingress has them where the service runs."""
OPTIONAL = ("mqtt", "notify")
"""Services that are off until something configures them; nobody comes to `mqtt`."""


def routes_of(*services: str) -> dict[str, str]:
    """Return the routes of an ingress where these services run."""
    routes = ROUTES | OPTIONAL_ROUTES
    return {prefix: service for prefix, service in routes.items() if service in services}


def leads_to(path: str) -> str | None:
    """Return the service that a path of the streams and the API leads to; None: the pages."""
    routes = routes_of(*SERVICES, *OPTIONAL)
    fits = [prefix for prefix in routes if f"{path}/".startswith(f"{prefix}/")]
    return routes[max(fits, key=len)] if fits else None
