// @vitest-environment node
import { expect, test } from "vitest";
import { addressOf, isTrusted, socketAddressOf } from "../src/urls";

test.each([
  ["http://127.0.0.1:8080/", "/ws/events", "ws://127.0.0.1:8080/ws/events"],
  ["https://home.example", "/ws/events", "wss://home.example/ws/events"],
  ["https://home.example/security/", "/ws/events", "wss://home.example/security/ws/events"],
  ["https://home.example/security", "/ws/x?camera=1", "wss://home.example/security/ws/x?camera=1"],
  ["https://home.example", "wss://other.example/feed", "wss://other.example/feed"],
  ["https://home.example", "http://other.example/feed#part", "ws://other.example/feed"],
  ["https://home.example", "//other.example/feed", "wss://other.example/feed"],
])("of %s, %s is %s", (base, url, expected) => {
  expect(socketAddressOf(url, new URL(base), "").href).toBe(expected);
});

test("a query keeps what it says, but for where it begins", () => {
  const base = new URL("https://home.example");
  const address = (beginning: string) => socketAddressOf("/ws/x?min=5&tail=9", base, beginning);
  expect(address("").search).toBe("?min=5&tail=9");
  expect(address("tail=100").search).toBe("?min=5&tail=100");
  expect(address("since=17-1").search).toBe("?min=5&since=17-1");
});

test.each([
  ["https://home.example/a", "wss://home.example/b", true],
  ["http://home.example", "ws://home.example", true],
  ["http://home.example", "wss://home.example", true],
  ["https://home.example", "ws://home.example", false],
  ["https://home.example", "wss://home.example:8443", false],
  ["https://home.example", "wss://other.example", false],
  ["https://home.example", "https://home.example/api/jobs", true],
])("a page of %s gives %s its key: %j", (base, url, expected) => {
  expect(isTrusted(addressOf(url, new URL(base)), new URL(base))).toBe(expected);
});
