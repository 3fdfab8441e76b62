// @vitest-environment jsdom
import { expect, test } from "vitest";
import { ApiError, getJson } from "../src/api";
import { Credentials } from "../src/credentials";
import { contextOf, hostForTest, until } from "./page";

const PATH = "/api/jobs?limit=5";

function ask(credentials: Credentials) {
  return getJson(PATH, contextOf({ credentials }), (body) => body);
}

/** What went wrong. */
async function errorOf(asked: Promise<unknown>): Promise<ApiError> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

test("it gets what a path of this page's host has", async () => {
  const server = await hostForTest();
  server.answers.set(PATH, { status: 200, body: '[{"id":"import-7"}]' });
  expect(await ask(new Credentials())).toEqual([{ id: "import-7" }]);
  expect(server.asked).toEqual([{ path: PATH, key: undefined }]);
});

test("the key goes in a header, and not in the URL", async () => {
  const server = await hostForTest();
  server.answers.set(PATH, { status: 200, body: "[]" });
  const credentials = new Credentials();
  credentials.use("k-1");
  await ask(credentials);
  expect(server.asked).toEqual([{ path: PATH, key: "k-1" }]);
});

test("a 401 asks for the key, and a refused one is forgotten", async () => {
  const server = await hostForTest();
  server.answers.set(PATH, { status: 401, body: '{"detail":"a valid API key is required"}' });
  const credentials = new Credentials();
  const error = await errorOf(ask(credentials));
  expect(error).toMatchObject({ message: "a valid API key is required", status: 401 });
  expect(credentials.get()).toEqual({ key: null, refused: "This home asks for an API key." });
  credentials.use("wrong");
  await errorOf(ask(credentials));
  expect(credentials.get()).toEqual({ key: null, refused: "This key was refused." });
  expect(server.asked.map(({ key }) => key)).toEqual([undefined, "wrong"]);
});

test("a late 401 for an old key does not discard a new one", async () => {
  const server = await hostForTest();
  const answer = server.hold(PATH);
  const credentials = new Credentials();
  credentials.use("old");
  const error = errorOf(ask(credentials));
  await until(() => expect(server.asked).toHaveLength(1));
  credentials.use("new");
  answer({ status: 401, body: "{}" });
  expect(await error).toMatchObject({ status: 401 });
  expect(credentials.get()).toEqual({ key: "new", refused: null });
});

test("the reason that a service gives is the error's", async () => {
  const server = await hostForTest();
  const credentials = new Credentials();
  const detail = "the cameras cannot be listed: PostgreSQL does not answer";
  for (const status of [403, 404, 503]) {
    server.answers.set(PATH, { status, body: JSON.stringify({ detail }) });
    const error = await errorOf(ask(credentials));
    expect(error).toMatchObject({ message: detail, status });
  }
  expect(credentials.get()).toEqual({ key: null, refused: null });
});

test("an answer without a reason is an error with its status, whatever its body is", async () => {
  const server = await hostForTest();
  for (const body of ["", "<h1>Bad Gateway</h1>", "null", "[]", '{"detail":{"no":"text"}}', "5"]) {
    server.answers.set(PATH, { status: 502, body });
    const error = await errorOf(ask(new Credentials()));
    expect(error).toMatchObject({ message: "HTTP 502", status: 502 });
  }
});

test("an answer that is no JSON is an error, though it says that all is well", async () => {
  const server = await hostForTest();
  for (const body of ["", "<!doctype html>", '{"half":']) {
    server.answers.set(PATH, { status: 200, body });
    expect(await errorOf(ask(new Credentials()))).toMatchObject({ status: 200 });
  }
});

test("no answer is an error without a status", async () => {
  const server = await hostForTest();
  server.answers.set(PATH, null);
  const broken = await errorOf(ask(new Credentials()));
  expect(broken.status).toBeNull();
  expect(broken.message).toMatch(/^No answer: ./);
  await server.down();
  expect((await errorOf(ask(new Credentials()))).status).toBeNull();
});
