// @vitest-environment jsdom
import { expect, test } from "vitest";
import { ApiError, getJson } from "../src/api";
import { Interception, isOfAnother } from "../src/interception";
import { Stream } from "../src/stream";
import { contextOf, elasticTime, hostForTest, jump, until } from "./page";

function answer(status: number, type: string) {
  return { type: "basic" as const, status, headers: new Headers({ "Content-Type": type }) };
}

test.each([
  ["a login page in place of an answer", answer(200, "text/html; charset=utf-8"), true],
  ["a page that asks who one is", answer(401, "text/html"), true],
  ["a way to a login elsewhere", { ...answer(0, ""), type: "opaqueredirect" as const }, true],
  ["the same, outside of a browser", answer(302, "text/html"), true],
  ["a service's answer", answer(200, "application/json"), false],
  ["a service that refuses", answer(401, "application/json"), false],
  ["an empty answer", { ...answer(204, ""), headers: new Headers() }, false],
  ["a gateway that finds no service", answer(502, "text/html"), false],
])("%s is told from a service's", (_, found, expected) => {
  expect(isOfAnother(found)).toBe(expected);
});

test("a login page in place of an answer is told, until a service answers again", async () => {
  const server = await hostForTest();
  const context = contextOf();
  const ask = () => getJson("/api/cameras", context, (body) => body);
  server.pages.add("/api/cameras");
  const error = await ask().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).message).toMatch(/sign in again/);
  expect(context.interception.get()).toBe(true);
  // It is not this home that refused anybody.
  expect(context.credentials.get().refused).toBeNull();
  server.pages.clear();
  server.answers.set("/api/cameras", { status: 200, body: "[]" });
  expect(await ask()).toEqual([]);
  expect(context.interception.get()).toBe(false);
});

test("a WebSocket that cannot be opened finds out whether a login is in its way", async () => {
  elasticTime();
  const server = await hostForTest();
  const context = contextOf({ interception: new Interception() });
  server.refusing = 302;
  server.pages.add("/api/session");
  const stream = new Stream("/ws/topic", context);
  const release = stream.subscribe(() => {});
  await until(() => expect(context.interception.get()).toBe(true));
  await jump(8_000);
  expect(server.asked.filter(({ path }) => path === "/api/session")).toHaveLength(1);
  server.refusing = null;
  await jump(10_000);
  await until(() => expect(stream.get().state).toBe("live"));
  expect(context.interception.get()).toBe(false);
  release();
});
