"""The WebSocket routes of an application, as matchers that need no Litestar for a handshake.

Litestar keeps their registration and their documentation, and serves them under other servers. A
route says by `opt=serves("broadcaster")` which of the application's parts makes its sessions; the
handler's other parameters are the path's and the query's, as Litestar reads them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.routes import WebSocketRoute
from litestar.typing import FieldDefinition

from hsi_service.skeleton.session import Session

_PART = "sessions"
_SOCKET = "socket"

Opens = Callable[..., Session]


def serves(part: str) -> dict[str, str]:
    """Return the `opt` of a WebSocket route.

    Args:
        part: Name of the application's part whose `session(**parameters)` returns a client's
            session; the handler has it as a parameter of this name, too.

    """
    return {_PART: part}


class Stream(NamedTuple):
    """A WebSocket route."""

    components: tuple[str | None, ...]
    """Of its path; None stands for any."""
    names: tuple[str, ...]
    """Of the components that are None, in order."""
    query: tuple[str, ...]
    """Names of its parameters in the query."""
    lists: frozenset[str]
    """Those of them of which all values count; of the others the last one does."""
    opens: Opens
    """Makes a session of all parameters; of the query's that are not there, None."""

    def parameters(self, components: list[str]) -> dict[str, Any] | None:
        """Return the path's parameters, or None if the path is another's."""
        if len(components) != len(self.components):
            return None
        values: list[str] = []
        for own, given in zip(self.components, components, strict=True):
            if own is None:
                values.append(given)
            elif own != given:
                return None
        return dict(zip(self.names, values, strict=True))


class Streams:
    """All WebSocket routes of an application."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        self._streams = tuple(streams)

    @classmethod
    def of(cls, app: Litestar) -> Self:
        """Return an application's.

        Raises:
            ValueError: A route does not say who makes its sessions.

        """
        routes = (route for route in app.routes if isinstance(route, WebSocketRoute))
        return cls(_stream(route, app.state) for route in routes)

    def session(self, path: str, query: bytes) -> Session | None:
        """Return the session of a client, or None if there is no such path.

        Args:
            path: Without its percent-encoding.
            query: As it was sent.

        """
        components = [component for component in path.split("/") if component]
        for stream in self._streams:
            parameters = stream.parameters(components)
            if parameters is not None:
                parameters.update(dict.fromkeys(stream.query))
                if query and stream.query:
                    _add(parameters, _asked(query, stream.query), stream.lists)
                return stream.opens(**parameters)
        return None


def _add(
    parameters: dict[str, Any], asked: Iterable[tuple[str, str]], lists: frozenset[str]
) -> None:
    for name, value in asked:
        if name in lists:
            parameters[name] = [*(parameters[name] or ()), value]
        else:
            parameters[name] = value


def _asked(query: bytes, names: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    # As Litestar does: of a parameter that comes twice, the last counts.
    text = query.decode("latin-1")
    if "%" in text or "+" in text:
        asked = parse_qsl(text, keep_blank_values=True)
    else:  # As nearly always, and in a third of the time.
        asked = [(name, value) for name, _, value in (p.partition("=") for p in text.split("&"))]
    for name, value in asked:
        if name in names:
            yield name, value


def _stream(route: WebSocketRoute, parts: Mapping[str, Any]) -> Stream:
    handler = route.route_handler
    part = handler.opt.get(_PART)
    if part is None:
        raise ValueError(f"{route.path} does not say who makes its sessions: opt=serves(...)")
    names = tuple(parameter.name for parameter in route.path_parameters.values())
    parameters = handler.parsed_fn_signature.parameters
    others = set(parameters) - {*names, part, _SOCKET}
    return Stream(
        components=tuple(
            component if isinstance(component, str) else None for component in route.path_components
        ),
        names=names,
        query=tuple(sorted(others)),
        lists=frozenset(name for name in others if _is_list(parameters[name])),
        opens=parts[part].session,
    )


def _is_list(field: FieldDefinition) -> bool:
    return any(one.is_non_string_sequence for one in (field, *field.inner_types))
