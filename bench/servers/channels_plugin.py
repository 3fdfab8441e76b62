"""Litestar's ChannelsPlugin with its Redis pub/sub backend and its own route handlers."""

import uvicorn
from litestar import Litestar
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.redis import RedisChannelsPubSubBackend

from bench.servers.redis_channel import CHANNEL, PORT, client

channels = ChannelsPlugin(
    backend=RedisChannelsPubSubBackend(redis=client()),
    channels=[CHANNEL],
    create_ws_route_handlers=True,
    ws_handler_base_path="/ws",
)
app = Litestar(plugins=[channels])


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=PORT,
        loop="uvloop",
        access_log=False,
        log_level="error",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
    )
