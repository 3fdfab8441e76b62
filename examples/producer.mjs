// A producer in JavaScript: publishes one security event by the Redis function hsi_publish_v2.
//
//     cd examples && npm install && node producer.mjs "Person at the door"
//
// Redis is REDIS_URL; by default redis://127.0.0.1:6379/0, where `make run` has its own. PUBLISH_LUA
// is the file of the function, by default the one of this checkout.

import { readFile } from "node:fs/promises";
import { createClient } from "redis";

const FUNCTION =
  process.env.PUBLISH_LUA ?? new URL("../shared/hsi/publish_v2.lua", import.meta.url);

const redis = createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379/0" });

async function publish(channel, message, key = crypto.randomUUID()) {
  const keys = ["history", "number", `once:${key}`].map((name) => `{${channel}}:${name}`);
  // Channel, then length, bytes and age of the history and a sender's number: all as usual.
  const args = [channel, "", "", "", "", JSON.stringify(message)];
  const call = () => redis.fCall("hsi_publish_v2", { keys, arguments: args });
  try {
    return await call(); // [receivers, repeated, cursor]
  } catch (error) {
    if (!error.message.includes("unction not found")) throw error;
  }
  await load();
  return await call();
}

// Brings Redis the function that it does not have: it is new, or was wiped.
async function load() {
  try {
    await redis.functionLoad(await readFile(FUNCTION, "utf8"));
  } catch (error) {
    if (!error.message.includes("already exists")) throw error; // another producer was faster
  }
}

const number = Date.now();
await redis.connect();
const [receivers, , cursor] = await publish("security_events", {
  type: "event",
  data: {
    id: number,
    event_id: number,
    batch_id: `example-${number}`,
    camera_id: "front_door",
    risk_score: 75,
    risk_level: "high",
    summary: process.argv[2] ?? "Person at the door",
    started_at: new Date(number).toISOString(),
  },
});
console.log(`published as ${cursor}, heard by ${receivers} replica(s)`);
await redis.close();
