// @vitest-environment node
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { kindOf, openable } from "../../src/worker/paths";

const ROOT = new URL("https://home.example/");
const BELOW = new URL("https://home.example/hsi/");
const FILES = ["icon.svg", "assets/index-1a2b.js"];

const kind = (path: string, base: URL, isNavigation = false) =>
  kindOf(new URL(path, base.origin), isNavigation, base, FILES);

test.each(["/api/events", "/api", "/ws/events", "/health/ready", "/api/session/invites"])(
  "the worker never touches %s, whether asked by the page or opened by a person",
  (path) => {
    for (const isNavigation of [false, true]) {
      expect(kind(path, ROOT, isNavigation)).toBeNull();
      expect(kind(`/hsi${path}`, BELOW, isNavigation)).toBeNull();
    }
  },
);

test("it knows pages, their parts, and files that keep their names", () => {
  for (const [base, below] of [
    [ROOT, ""],
    [BELOW, "/hsi"],
  ] as const) {
    expect(kind(`${below}/`, base, true)).toBe("page");
    expect(kind(`${below}/jobs/backup-v1.2`, base, true)).toBe("page");
    expect(kind(`${below}/events/1-0?x=1`, base, true)).toBe("page");
    expect(kind(`${below}/icon.svg`, base, true)).toBeNull();
    expect(kind(`${below}/assets/index-1a2b.js`, base)).toBe("asset");
    expect(kind(`${below}/icon.svg`, base)).toBe("file");
    expect(kind(`${below}/worker.js`, base)).toBeNull();
    expect(kind(`${below}/manifest.webmanifest`, base)).toBeNull();
  }
});

test("what is beside its base, or of another origin, is left alone", () => {
  expect(kind("/", BELOW, true)).toBeNull();
  expect(kind("/hsi2/", BELOW, true)).toBeNull();
  expect(kindOf(new URL("https://other.example/hsi/"), true, BELOW, FILES)).toBeNull();
});

test.each([
  ["/events/1-0", "https://home.example/hsi/events/1-0"],
  ["/hsi/events/1-0", "https://home.example/hsi/events/1-0"],
  ["events/1-0", "https://home.example/hsi/events/1-0"],
  ["/", "https://home.example/hsi/"],
  ["https://home.example/hsi/jobs", "https://home.example/hsi/jobs"],
])("%s of a message is opened below the base", (asked, opened) => {
  expect(openable(asked, BELOW)).toBe(opened);
});

test.each([
  "https://evil.example/",
  "//evil.example/",
  "/\\evil.example/",
  "javascript:alert(1)",
  "data:text/html,x",
  "https://home.example/other/",
  "https://user:secret@home.example.evil.example/hsi/",
  "/../other",
  "/api/session",
  "/%2e%2e/%2e%2e/api/session",
  "/x".repeat(1_025),
  "http://[",
  "",
  null,
  7,
  { url: "/" },
])("%j of a message opens the page itself, or a path below it, and nothing else", (asked) => {
  const opened = new URL(openable(asked, BELOW));
  expect(opened.origin).toBe(BELOW.origin);
  expect(opened.pathname.startsWith("/hsi/")).toBe(true);
  expect(opened.pathname.startsWith("/hsi/api")).toBe(false);
});

const addresses = fc
  .tuple(fc.constantFrom("https://", "//", "/", "http:", "javascript:", "/hsi/"), fc.string())
  .map((parts) => parts.join(""));

test("whatever a message asks for, what is opened is of the page", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), addresses), (asked) =>
      openable(asked, BELOW).startsWith(BELOW.href),
    ),
  );
});
