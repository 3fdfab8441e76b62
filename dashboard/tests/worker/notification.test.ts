// @vitest-environment node
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addressIn, optionsOf, toldIn } from "../../src/worker/notification";

const BASE = new URL("https://home.example/hsi/");

test("a push says what happened, and leads to its event", () => {
  const payload = {
    title: "Act now: front door",
    body: "Person at the door",
    tag: "7 front_door",
    url: "/events/1795000000000-0",
    level: "critical",
  };
  const told = toldIn(JSON.stringify(payload));
  expect(told).toEqual(payload);
  expect(optionsOf(told, BASE)).toMatchObject({
    body: "Person at the door",
    tag: "7 front_door",
    icon: "https://home.example/hsi/icon-192.png",
    requireInteraction: true,
    data: { url: "https://home.example/hsi/events/1795000000000-0" },
  });
});

test.each([null, "", "hello", "[]", "null", '{"title":7,"body":null,"url":{},"level":"loud"}'])(
  "a push of %j shows a notification all the same",
  (payload) => {
    expect(toldIn(payload)).toEqual({
      title: "Home Security",
      body: "Something happened. Open the page to see what.",
      tag: "hsi",
      url: "/",
      level: null,
    });
  },
);

test("whatever a push holds, there is something to show, of a length that fits", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (payload) => {
      const { title, body, tag } = toldIn(payload);
      return title !== "" && title.length <= 120 && body.length <= 500 && tag.length <= 200;
    }),
  );
});

test("a notification that leads nowhere leads to the page", () => {
  expect(addressIn({ url: "https://home.example/hsi/jobs" }, BASE)).toBe(
    "https://home.example/hsi/jobs",
  );
  for (const data of [null, undefined, "x", {}, { url: "https://evil.example/" }]) {
    expect(addressIn(data, BASE)).toBe(BASE.href);
  }
});
