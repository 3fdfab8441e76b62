// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import { messageOf, narrowed } from "../src/narrow";
import { golden } from "./golden";

test.each([
  "event",
  "event_going_on",
  "system_status",
  "service_status",
  "performance_update",
  "log",
  "end",
])("the seed's %s is known, and its data are as they came", (name) => {
  const message = golden(name);
  const known = narrowed(message);
  expect(known?.type).toBe(message.type);
  expect(known && "data" in known && known.data).toBe(message.data);
});

test.each(["camera_added", "constructor", "__proto__", "toString", ""])(
  "%j is not known",
  (type) => {
    expect(narrowed({ type, data: {} })).toBeNull();
  },
);

test("a message without data is known by its type, and has no field", () => {
  expect(narrowed({ type: "event" })).toEqual({ type: "event", data: {} });
  expect(narrowed({ type: "ping", cursor: "1-1" })).toEqual({ type: "ping", cursor: "1-1" });
});

test("a frame is a message if it is an object with a type, whatever else is in it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (data, type) => {
      const frame = JSON.stringify({ type, data });
      expect(messageOf(frame)).toEqual(JSON.parse(frame));
    }),
  );
  const whole = { cursor: "1-1", type: "event", data: {}, timestamp: "2026-01-01T00:00:00Z", n: 1 };
  expect(messageOf(JSON.stringify(whole))).toEqual(whole);
  expect(messageOf('{"type":"event","cursor":5,"timestamp":null}')).toEqual({ type: "event" });
  for (const frame of ["", "ping", "5", "null", "[]", '["type"]', "{}", '{"type":5}']) {
    expect(messageOf(frame)).toBeNull();
  }
});
