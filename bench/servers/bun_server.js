// Bun's own server, which is uWebSockets, in C++: `subscribe` and `publish`, as its documentation has
// it, fed by Bun's own client of Redis.

import { RedisClient } from "bun";

const { CHANNEL = "events", PORT, REDIS_URL } = process.env;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(PORT),
  fetch(request, server) {
    if (!server.upgrade(request)) {
      return new Response("a WebSocket is wanted here", { status: 426 });
    }
  },
  websocket: {
    perMessageDeflate: false,
    sendPings: false,
    idleTimeout: 0,
    open(client) {
      client.subscribe(CHANNEL);
    },
    message() {}, // a client says nothing
  },
});

const redis = new RedisClient(REDIS_URL);
await redis.connect();
await redis.subscribe(CHANNEL, (message) => server.publish(CHANNEL, message));
