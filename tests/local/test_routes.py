"""The table of routes: what every ingress follows is what the services serve."""

import importlib

import pytest

from local.k8s.ingress import findings
from local.routes import (
    DASHBOARD,
    OPTIONAL_ROUTES,
    PAGES,
    ROUTES,
    SERVICES,
    leads_to,
    routes_of,
)
from local.traefik import configuration
from services.notify.app import create_notify_app
from services.notify.settings import NotifySettings


def paths_of(service: str) -> set[str]:
    """Return all paths of a service."""
    app = importlib.import_module(f"services.{service}.app").app
    return {route.path for route in app.routes}


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_streams_and_tells_is_led_to_it_and_nothing_else_is(service: str) -> None:
    paths = paths_of(service)
    public = {path for path in paths if path.startswith(("/ws/", "/api/"))}
    assert public
    assert {path for path in paths if leads_to(path) is not None} == public
    assert {leads_to(path) for path in public} == {service}


def test_no_prefix_leads_where_there_is_nothing() -> None:
    for prefix, service in ROUTES.items():
        assert any(f"{path}/".startswith(f"{prefix}/") for path in paths_of(service)), prefix


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/session", "events"),
        ("/api/session/invites", "events"),
        ("/api/sessions", None),
        ("/ws/jobs/1/logs", "joblogs"),
        ("/api/push/subscriptions", "notify"),
        ("/status", None),
        ("/", None),
    ],
)
def test_a_path_is_led_by_whole_parts(path: str, service: str | None) -> None:
    assert leads_to(path) == service


def test_what_the_notify_service_offers_is_led_to_it_and_no_prefix_leads_nowhere() -> None:
    app = create_notify_app(NotifySettings(notify_rules="{targets: {a: {url: file:told}}}"))
    public = {route.path for route in app.routes if route.path.startswith("/api/")}
    assert {leads_to(path) for path in public} == {"notify"}
    for prefix in OPTIONAL_ROUTES:
        assert any(f"{path}/".startswith(f"{prefix}/") for path in public), prefix


def test_an_optional_service_has_its_routes_where_it_runs() -> None:
    assert routes_of(*SERVICES) == ROUTES
    assert routes_of(*SERVICES, "mqtt") == ROUTES
    more = routes_of(*SERVICES, "notify").keys() - ROUTES.keys()
    assert more == {"/api/push", "/api/notify"}


def test_the_ingress_of_make_run_is_made_of_the_table() -> None:
    urls = {prefix: [f"http://{service}"] for prefix, service in ROUTES.items()}
    routers = configuration(urls)["http"]["routers"].values()
    assert {router["rule"] for router in routers} == {f"PathPrefix(`{path}`)" for path in ROUTES}


def test_below_a_path_the_ingress_takes_that_path_away() -> None:
    urls = {"/api/events": ["http://events"], PAGES: ["http://pages"]}
    http = configuration(urls, "/hsi/")["http"]
    routers = http["routers"].values()
    assert {router["rule"] for router in routers} == {
        "PathPrefix(`/hsi/api/events`)",
        "PathPrefix(`/hsi/`)",
        "Path(`/hsi`) || Path(`/`)",  # leads to the pages
    }
    below = [router for router in routers if router["rule"].startswith("PathPrefix")]
    (middleware,) = {name for router in below for name in router["middlewares"]}
    assert http["middlewares"][middleware] == {"stripPrefix": {"prefixes": ["/hsi"]}}


def ingress(paths: dict[str, str]) -> dict[str, object]:
    backends = [
        {"path": path, "backend": {"service": {"name": name}}} for path, name in paths.items()
    ]
    return {
        "kind": "Ingress",
        "metadata": {"name": "hsi"},
        "spec": {"rules": [{"http": {"paths": backends}}]},
    }


def test_an_ingress_that_differs_from_the_table_is_found() -> None:
    whole = {**ROUTES, PAGES: DASHBOARD}
    assert list(findings([ingress(whole)])) == []
    wrong = {**whole, "/metrics": "events", "/api/session": "system"}
    del wrong["/ws/jobs"]
    assert [found.what.partition(",")[0] for found in findings([ingress(wrong)])] == [
        "/api/session leads to system",
        "/metrics leads to events",
        "/ws/jobs leads to nothing",
    ]


def test_an_http_route_that_differs_is_found_too() -> None:
    rules = [
        {"matches": [{"path": {"value": path}}], "backendRefs": [{"name": name}]}
        for path, name in {**ROUTES, PAGES: DASHBOARD}.items()
    ]
    route = {"kind": "HTTPRoute", "metadata": {"name": "hsi"}, "spec": {"rules": rules}}
    assert list(findings([route])) == []
    rules.pop()
    assert [found.where for found in findings([route])] == ["HTTPRoute hsi"]
