"""`python -m local.schema`: dashboard/schema.json, from which the dashboard's types are made.

All that a browser can get from the services, as one JSON Schema: the root is a message, the rest is
in `$defs`. The Structs are the definition; a test tells when the file is older than they are.
"""

import ast
import inspect
import itertools
import json
from typing import Any

import msgspec

from hsi.schemas import ServerMessage
from hsi.schemas.close_codes import CODES_THAT_END, CloseCode
from local.dashboard import FOLDER
from services.collector.performance import AlertList
from services.collector.routes import MarkedAlert, PerformanceHistory
from services.collector.trend import PerformanceTrend
from services.events.answers import OneEvent, RecentEvents
from services.events.seen import SeenEvents, SeenState
from services.joblogs.jobs import Job
from services.system.cameras import Camera

FILE = FOLDER / "schema.json"


def text() -> str:
    """Return what stands in the file, the same for the same Structs."""
    (message, *_), definitions = msgspec.json.schema_components(
        [
            ServerMessage,
            PerformanceHistory,
            PerformanceTrend,
            AlertList,
            MarkedAlert,
            Camera,
            Job,
            RecentEvents,
            OneEvent,
            SeenEvents,
            SeenState,
        ],
        ref_template="#/$defs/{name}",
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ServerMessage",
        "description": "Everything that a client can get, unknown types aside.",
        **message,
        "$defs": {name: _openly(definition) for name, definition in definitions.items()},
        "x-close-codes": _close_codes(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _openly(schema: Any) -> Any:
    """Return a schema in which objects of any content say so.

    To who makes types of it, an object without a word about properties would be an empty one.
    """
    if isinstance(schema, list):
        return [_openly(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    opened = {name: _openly(part) for name, part in schema.items()}
    if schema.get("type") == "object" and "properties" not in schema:
        opened.setdefault("additionalProperties", True)
    return opened


def _close_codes() -> list[dict[str, Any]]:
    """Return what a client has to know of each code that a service closes a WebSocket with."""
    words = _descriptions(CloseCode)
    return [
        {
            "name": code.name,
            "code": int(code),
            "ends": code in CODES_THAT_END,
            "description": words[code.name],
        }
        for code in CloseCode
    ]


def _descriptions(cls: type) -> dict[str, str]:
    """Return what stands below each name in a class; Python itself forgets it."""
    tree = ast.parse(inspect.getsource(cls))
    (definition,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {
        before.targets[0].id: inspect.cleandoc(after.value.value)
        for before, after in itertools.pairwise(definition.body)
        if isinstance(before, ast.Assign) and isinstance(before.targets[0], ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(after.value.value, str)
    }


if __name__ == "__main__":
    FILE.write_text(text())
