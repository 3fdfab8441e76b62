"""`hsi secrets`: what it prints lets in those whom it names, and nobody else."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from websockets.exceptions import ConnectionClosed

from hsi.schemas.close_codes import CloseCode
from local.processes import free_port
from local.redis import EmbeddedRedis
from tests.clients import dashboard, golden, hear, publish
from tests.conftest import StartReplica
from tests.hsi.cli.test_commands import hsi
from tests.servers import ALL

USERS = ["events", "system", "joblogs", "collector", "mqtt", "notify", "producer"]
NO_NAMES = dict.fromkeys(
    ("REDIS_EVENT_CHANNEL", "DETECTION_QUEUE", "ANALYSIS_QUEUE", "DEAD_LETTER_QUEUES"), ""
)


def made(*arguments: str, **environment: str) -> tuple[dict[str, dict[str, str]], str]:
    """Return the Secrets that it prints, by name, and the API key."""
    environment = {"DATABASE_URL": ""} | NO_NAMES | environment
    result = hsi("secrets", *arguments, stdin=b"", **environment)
    assert result.returncode == 0, result.stderr
    printed = json.loads(result.stdout)
    assert (printed["apiVersion"], printed["kind"]) == ("v1", "List")
    (line,) = result.stderr.splitlines()
    key = line.rpartition(" ")[2]
    assert key not in result.stdout
    return {item["metadata"]["name"]: values_of(item) for item in printed["items"]}, key


def values_of(item: Mapping[str, Any]) -> dict[str, str]:
    assert (item["apiVersion"], item["kind"], item["type"]) == ("v1", "Secret", "Opaque")
    assert item["metadata"]["namespace"] == "hsi"
    return dict(item["stringData"])


def test_it_prints_every_secret_that_the_manifests_name_and_never_the_same_twice() -> None:
    (first, key), (second, _) = made(), made()
    assert {name: list(values) for name, values in first.items()} == {
        "hsi-access": ["API_KEYS"],
        "hsi-session": ["SESSION_SECRET"],
        "hsi-redis": USERS,
        "hsi-redis-users": ["users.acl"],
        "hsi-postgres": [
            "POSTGRES_USER",
            "POSTGRES_PASSWORD",
            "POSTGRES_DB",
            "HSI_READER_PASSWORD",
        ],
        "hsi-database": ["DATABASE_URL"],
    }
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert first["hsi-access"]["API_KEYS"] == f"admin:admin:{digest}"
    postgres = first["hsi-postgres"]
    assert first["hsi-database"]["DATABASE_URL"] == (
        f"postgresql://hsi_reader:{postgres['HSI_READER_PASSWORD']}"
        f"@postgres:5432/{postgres['POSTGRES_DB']}"
    )
    urls = first["hsi-redis"]
    passwords = {url.partition("@")[0].rpartition(":")[2] for url in urls.values()}
    passwords |= {postgres["POSTGRES_PASSWORD"], postgres["HSI_READER_PASSWORD"]}
    passwords.add(first["hsi-session"]["SESSION_SECRET"])
    assert len(passwords) == len(USERS) + 3
    assert all(len(password) >= 43 for password in passwords)  # 256 bits
    assert not any(password in json.dumps(second) for password in passwords)
    assert not any(password in first["hsi-redis-users"]["users.acl"] for password in passwords)


def test_for_an_outside_redis_and_database_it_makes_no_postgres() -> None:
    outside = "postgresql://reader:hunter2@db.example/home"
    for given in (("--database-url", outside), ()):
        found, _ = made(
            "--redis-host", "redis.example:6380", "--redis-tls", *given, DATABASE_URL=outside
        )
        assert "hsi-postgres" not in found
        assert found["hsi-database"] == {"DATABASE_URL": outside}
        for user, url in found["hsi-redis"].items():
            assert url.startswith(f"rediss://{user}:")
            assert url.endswith("@redis.example:6380/0")


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        (("--database-url", "mysql://me:hunter2@db"), {}, "DATABASE_URL: expected one of"),
        (("--redis-host", "redis:hunter2"), {}, "REDIS_URL: expected a port number"),
        ((), {"REDIS_EVENT_CHANNEL": "my home"}, "my home: Redis' rules cannot hold a name"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_without_secrets(
    arguments: tuple[str, ...], environment: dict[str, str], complaint: str
) -> None:
    environment = {"DATABASE_URL": ""} | environment
    result = hsi("secrets", *arguments, stdin=b"", **environment)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {complaint}")
    assert len(result.stderr.splitlines()) == 1
    assert "hunter2" not in result.stderr


async def test_its_users_log_in_to_a_redis_that_has_its_rules_and_its_key_opens_a_replica(
    tmp_path: Path, start_replica: StartReplica
) -> None:
    port = free_port()
    found, key = made("--redis-host", f"127.0.0.1:{port}", REDIS_EVENT_CHANNEL="home:events")
    rules = found["hsi-redis-users"]["users.acl"]
    redis = EmbeddedRedis(tmp_path / "redis", port=port, users=f"{rules}user admin {ALL}\n")
    redis.url = f"redis://admin:any@127.0.0.1:{port}/0"
    redis.start()
    urls = found["hsi-redis"]
    for user, url in urls.items():
        with Redis.from_url(url) as client:
            assert client.ping()
        with Redis.from_url(redis.url, decode_responses=True) as admin:
            assert admin.acl_getuser(user)["passwords"]
    replica = start_replica(
        urls["events"], "home:events", **found["hsi-access"], **found["hsi-session"]
    )
    async with dashboard(replica, subprotocols=[f"api-key.{key}"]) as client:
        await publish(urls["producer"], "home:events", golden("event"))
        assert await hear(client) == golden("event").decode()
    async with dashboard(replica, subprotocols=["api-key.wrong"]) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await hear(client)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == CloseCode.UNAUTHORIZED
    replica.stop()
    redis.stop()
