"""`hsi secrets`: the Secrets that deploy/k8s refers to, as `kubectl apply` takes them."""

import json
import os
import secrets
from collections.abc import Mapping
from typing import Any

import click

from hsi.cli.options import UnusableSettingError
from hsi.cli.redis_users import RedisUsers
from hsi.database_url import check_database_url
from hsi.keys import digest
from hsi.redis_url import check_redis_url
from hsi.settings import SettingsError

_POSTGRES = "postgres:5432"
"""Host and port of the PostgreSQL in the overlay `home`."""


@click.command("secrets")
@click.option("--namespace", default="hsi", show_default=True, help="Where they will be.")
@click.option(
    "--redis-host", default="redis", show_default=True, help="An outside Redis: HOST or HOST:PORT."
)
@click.option("--redis-tls", is_flag=True, help="Redis is reached by TLS.")
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    default="",
    help="An outside PostgreSQL (DATABASE_URL: a command line can be seen by everybody).",
)
def new_secrets(namespace: str, redis_host: str, *, redis_tls: bool, database_url: str) -> None:
    """Print all Secrets that deploy/k8s needs, with new passwords, for `kubectl apply -f -`.

    Each run makes new passwords for all of them; a PostgreSQL that already has its data does not
    take a new password from there, and everybody has to sign in again. The API key, of scope admin,
    stands on standard error, once. Where
    REDIS_EVENT_CHANNEL, DETECTION_QUEUE, ANALYSIS_QUEUE or DEAD_LETTER_QUEUES is set for the
    services, set it here too.
    """
    redis_url = f"redis{'s' * redis_tls}://{redis_host}/0"
    try:
        check_redis_url(redis_url)
        check_database_url(database_url)
        users = RedisUsers(os.environ)
    except SettingsError as error:
        raise UnusableSettingError(str(error)) from error
    key = secrets.token_urlsafe(32)
    click.echo(
        secret_list(
            users,
            namespace=namespace,
            api_key=key,
            redis_url=redis_url,
            database_url=database_url,
        )
    )
    click.echo(f"key, for the client (it is shown only now):  {key}", err=True)


def secret_list(
    users: RedisUsers, *, namespace: str, api_key: str, redis_url: str, database_url: str
) -> str:
    """Return all Secrets as one List in JSON, which is YAML as well.

    Args:
        users: Users of Redis, with their passwords.
        namespace: Namespace of the Secrets.
        api_key: Key of a person, with scope `admin`; the Secret holds its digest.
        redis_url: URL of Redis, without a user.
        database_url: URL of an outside PostgreSQL; empty for that of the overlay `home`, with a
            new password.

    """
    values = {
        "hsi-access": {"API_KEYS": f"admin:admin:{digest(api_key.encode()).hex()}"},
        # Of its own: who may change keys need not be able to make sessions.
        "hsi-session": {"SESSION_SECRET": secrets.token_urlsafe(48)},
        "hsi-redis": {name: users.url(name, redis_url) for name in users.names},
        "hsi-redis-users": {"users.acl": users.acl()},
    }
    if not database_url:
        password = secrets.token_urlsafe(32)
        database_url = f"postgresql://hsi:{password}@{_POSTGRES}/hsi"
        values["hsi-postgres"] = {
            "POSTGRES_USER": "hsi",
            "POSTGRES_PASSWORD": password,
            "POSTGRES_DB": "hsi",
        }
    values["hsi-database"] = {"DATABASE_URL": database_url}
    items = [_secret(name, namespace, data) for name, data in values.items()]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2)


def _secret(name: str, namespace: str, data: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "hsi-realtime"},
        },
        "type": "Opaque",
        "stringData": dict(data),
    }
