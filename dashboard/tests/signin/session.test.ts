// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  asksForNothing,
  countdown,
  type Failure,
  faultOf,
  inviteIn,
  inviteLink,
  inviteOf,
  isLoopback,
  retryAfterOf,
  scopesWithin,
  scopeWords,
  sessionOf,
} from "../../src/signin/session";

const END = "2026-12-27T10:00:00Z";
const AT = Date.parse(END);

test("an answer is a session, or nothing", () => {
  const body = { name: "wall", scope: "read", expires_at: END };
  expect(sessionOf(body)).toEqual({ name: "wall", scope: "read", expiresAt: AT });
  for (const wrong of [{ name: 5 }, { scope: null }, { expires_at: "soon" }]) {
    expect(sessionOf({ ...body, ...wrong })).toBeNull();
  }
  fc.assert(fc.property(fc.jsonValue(), (value) => sessionOf(value) === null));
});

test("where nothing is asked for there is no name and no end", () => {
  const open = sessionOf({ name: "", scope: "admin", expires_at: null });
  expect(open && asksForNothing(open)).toBe(true);
  const named = sessionOf({ name: "wall", scope: "admin", expires_at: null });
  expect(named && asksForNothing(named)).toBe(false);
});

test("an invite is valid for as long as its service says, whatever this browser's clock says", () => {
  const body = { code: "abc", scope: "act", expires_at: END };
  const answeredAt = AT - 600_000;
  expect(inviteOf(body, answeredAt, 5_000)).toEqual({
    code: "abc",
    scope: "act",
    expiresAt: 605_000,
  });
  expect(inviteOf({ ...body, code: null }, answeredAt, 0)).toBeNull();
});

test("somebody may give what they have, and no more", () => {
  expect(scopesWithin("admin")).toEqual(["read", "act", "admin"]);
  expect(scopesWithin("act")).toEqual(["read", "act"]);
  expect(scopesWithin("read")).toEqual(["read"]);
  for (const other of ["publish", "", "toString"]) expect(scopesWithin(other)).toEqual([]);
  expect(scopeWords("act")).toBe("may look and act");
  expect(scopeWords("paint")).toBe("has the scope paint");
});

test("a link holds its code in the fragment, below whatever path the page is", () => {
  const link = inviteLink("a-b_c", new URL("https://home.example/security/?old=1#x"));
  expect(link).toBe("https://home.example/security/#invite=a-b_c");
  fc.assert(
    fc.property(fc.string(), (code) => {
      const { hash, origin, pathname, search } = new URL(
        inviteLink(code, new URL("http://192.168.1.5:8080/")),
      );
      expect([origin, pathname, search]).toEqual(["http://192.168.1.5:8080", "/", ""]);
      expect(inviteIn(hash)).toBe(code);
    }),
  );
  for (const other of ["", "#", "#main", "#invited=x"]) expect(inviteIn(other)).toBeNull();
});

test("a page of this machine alone has links that no phone can open", () => {
  for (const host of ["127.0.0.1", "localhost", "[::1]", "home.localhost"]) {
    expect(isLoopback(host)).toBe(true);
  }
  for (const host of ["192.168.1.5", "home.example", "127.example", "localhost.example", "[::2]"]) {
    expect(isLoopback(host)).toBe(false);
  }
});

test("what is left is counted down to nothing", () => {
  expect([600_000, 545_001, 59_900, 1_000, 0, -5].map(countdown)).toEqual([
    "10:00",
    "9:05",
    "0:59",
    "0:01",
    "0:00",
    "0:00",
  ]);
});

const FAILURE: Failure = { status: 503, detail: "", retryAfter: null };

test.each<[Partial<Failure>, string]>([
  [{ status: null }, "No answer: is this home reachable?"],
  [{ status: 401, detail: "no" }, "This key was refused."],
  [
    { status: 429, retryAfter: 30, detail: "x" },
    "Too many tries from this address. Try again in 30 s.",
  ],
  [{ status: 429, retryAfter: 600 }, "Too many tries from this address. Try again in 10 min."],
  [{ status: 429 }, "Too many tries from this address. Try again later."],
  [{ detail: "sessions are off: set SESSION_SECRET" }, "sessions are off: set SESSION_SECRET."],
  [{ status: 403, detail: "Not from there!" }, "Not from there!"],
  [{ status: 502 }, "This home does not answer as it should (HTTP 502)."],
])("%j is told as: %s", (failure, words) => {
  expect(faultOf("This key was refused.", { ...FAILURE, ...failure })).toBe(words);
});

test("only seconds say when to try again", () => {
  expect(["60", "0", null, "", "-1", "Fri, 27 Nov 2026 12:00:00 GMT"].map(retryAfterOf)).toEqual([
    60,
    0,
    null,
    null,
    null,
    null,
  ]);
});
