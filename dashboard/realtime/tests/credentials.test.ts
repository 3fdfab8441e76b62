import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { Credentials } from "../src/credentials";

beforeEach(() => sessionStorage.clear());

test("without a key it offers none", () => {
  const credentials = new Credentials();
  expect(credentials.get()).toEqual({ key: null, refused: null });
  expect(credentials.protocols).toEqual([]);
  expect(credentials.headers).toEqual({});
});

test("a key travels as a subprotocol or in a header", () => {
  const credentials = new Credentials();
  credentials.use("k-1");
  expect(credentials.protocols).toEqual(["api-key.k-1"]);
  expect(credentials.headers).toEqual({ "X-API-Key": "k-1" });
});

test("it is kept for as long as the tab is open, and nowhere else", () => {
  new Credentials().use("k-1");
  expect(new Credentials().get().key).toBe("k-1");
  expect(JSON.stringify({ ...localStorage })).not.toContain("k-1");
  expect(document.cookie).not.toContain("k-1");
  sessionStorage.clear();
  expect(new Credentials().get().key).toBeNull();
});

test("a refused key is forgotten, and the reason stays until another is entered", () => {
  const credentials = new Credentials();
  credentials.use("old");
  credentials.refuse("old", "This key was refused.");
  expect(credentials.get()).toEqual({ key: null, refused: "This key was refused." });
  expect(new Credentials().get().key).toBeNull();
  credentials.refuse(null, "This home asks for an API key.");
  expect(credentials.get().refused).toBe("This key was refused.");
  credentials.use("new");
  expect(credentials.get()).toEqual({ key: "new", refused: null });
});

test("a late refusal, of an old key or of none, says nothing about a new one", () => {
  const credentials = new Credentials();
  credentials.use("old");
  credentials.use("new");
  credentials.refuse("old", "This key was refused.");
  credentials.refuse(null, "This home asks for an API key.");
  expect(credentials.get()).toEqual({ key: "new", refused: null });
  expect(new Credentials().get().key).toBe("new");
});

test("it asks again only where something was refused", () => {
  const credentials = new Credentials();
  const before = credentials.get();
  credentials.ask();
  expect(credentials.get()).toBe(before);
  credentials.refuse(null, "This home asks for an API key.");
  const refused = credentials.get();
  credentials.ask();
  expect(credentials.get()).toEqual(refused);
  expect(credentials.get()).not.toBe(refused);
});

test("a key is of the letters that the protocol allows, at least one", () => {
  const allowed = new Set(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~",
  );
  fc.assert(
    fc.property(fc.array(fc.nat(300), { maxLength: 4 }), (codes) => {
      const text = String.fromCharCode(...codes);
      const good = text !== "" && [...text].every((letter) => allowed.has(letter));
      expect(Credentials.fault(text) === null).toBe(good);
    }),
    { numRuns: 500 },
  );
  for (const letter of allowed) expect(Credentials.fault(letter)).toBeNull();
});
