"""The Secrets that the manifests in deploy/k8s refer to, as `kubectl apply` takes them."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from hsi.cli.redis_users import RedisUsers
from hsi.keys import digest

_POSTGRES = "postgres:5432"
"""PostgreSQL of the overlay `home`."""


def secret_list(
    users: RedisUsers, *, namespace: str, api_key: str, redis_url: str, database_url: str
) -> str:
    """Return all Secrets as one List, in JSON, which is YAML too.

    Args:
        users: Redis' users.
        namespace: Where the Secrets will be.
        api_key: Its digest lets a client in.
        redis_url: Redis, without a user.
        database_url: An outside PostgreSQL; empty: that of the overlay `home`, with a new password.

    """
    found = [
        ("hsi-access", {"API_KEYS": digest(api_key.encode()).hex()}),
        ("hsi-redis", {name: users.url(name, redis_url) for name in users.names}),
        ("hsi-redis-users", {"users.acl": users.acl()}),
    ]
    if not database_url:
        password = secrets.token_urlsafe(32)
        postgres = {"POSTGRES_USER": "hsi", "POSTGRES_PASSWORD": password, "POSTGRES_DB": "hsi"}
        found.append(("hsi-postgres", postgres))
        database_url = f"postgresql://hsi:{password}@{_POSTGRES}/hsi"
    found.append(("hsi-database", {"DATABASE_URL": database_url}))
    items = [_secret(name, namespace, values) for name, values in found]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2)


def _secret(name: str, namespace: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "hsi-realtime"},
        },
        "type": "Opaque",
        "stringData": dict(values),
    }
