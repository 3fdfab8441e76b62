// @vitest-environment jsdom
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { Credentials } from "../src/credentials";

beforeEach(() => sessionStorage.clear());

/** All that this page keeps where others could find it. */
function kept(): string {
  return JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]);
}

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

test("a key is kept in memory alone, unless a storage is given", () => {
  new Credentials().use("k-1");
  expect(kept()).not.toContain("k-1");
  expect(new Credentials().get().key).toBeNull();
  const storage = sessionStorage;
  new Credentials({ storage }).use("k-2");
  expect(new Credentials({ storage }).get().key).toBe("k-2");
  expect(new Credentials({ storage, home: "https://other.example" }).get().key).toBeNull();
  sessionStorage.clear();
  expect(kept()).not.toContain("k-2");
  expect(new Credentials({ storage }).get().key).toBeNull();
});

test("where site data are blocked a key is kept in memory, and nothing fails", () => {
  const blocked = () => {
    throw new DOMException("denied", "SecurityError");
  };
  const storage = { getItem: blocked, setItem: blocked, removeItem: blocked };
  const credentials = new Credentials({ storage });
  credentials.use("k-1");
  expect(credentials.get().key).toBe("k-1");
  credentials.refuse(credentials.attempt, "This key was refused.");
  expect(credentials.get()).toEqual({ key: null, refused: "This key was refused." });
});

test("a refused key is forgotten, and the reason stays until another is entered", () => {
  const storage = sessionStorage;
  const credentials = new Credentials({ storage });
  credentials.use("old");
  credentials.refuse(credentials.attempt, "This key was refused.");
  expect(credentials.get()).toEqual({ key: null, refused: "This key was refused." });
  expect(new Credentials({ storage }).get().key).toBeNull();
  credentials.refuse(credentials.attempt, "This home asks for an API key.");
  expect(credentials.get().refused).toBe("This key was refused.");
  credentials.use("new");
  expect(credentials.get()).toEqual({ key: "new", refused: null });
});

test("a late refusal, of an old key or of none, says nothing about a new one", () => {
  const storage = sessionStorage;
  const credentials = new Credentials({ storage });
  const withNone = credentials.attempt;
  credentials.use("old");
  const withOld = credentials.attempt;
  credentials.use("new");
  credentials.refuse(withOld, "This key was refused.");
  credentials.refuse(withNone, "This home asks for an API key.");
  expect(credentials.get()).toEqual({ key: "new", refused: null });
  expect(new Credentials({ storage }).get().key).toBe("new");
});

test("a page that was let in by a cookie tries again, and late refusals count for nothing", () => {
  const credentials = new Credentials();
  const before = credentials.attempt;
  credentials.refuse(before, "This home asks for an API key.");
  credentials.letIn();
  expect(credentials.get()).toEqual({ key: null, refused: null });
  credentials.refuse(before, "This home asks for an API key.");
  expect(credentials.get().refused).toBeNull();
  expect([credentials.protocols, credentials.headers]).toEqual([[], {}]);
});

test("it asks again only where something was refused", () => {
  const credentials = new Credentials();
  const before = credentials.get();
  credentials.ask();
  expect(credentials.get()).toBe(before);
  credentials.refuse(credentials.attempt, "This home asks for an API key.");
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
