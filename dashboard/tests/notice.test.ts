import { CloseCode } from "@hsi/realtime";
import { expect, test } from "vitest";
import { freshnessOf, type Heard, noticeOf } from "../src/notice";

const LIVE: Heard = { connectionState: "live", staleSince: null, ended: null };
const AT = Date.parse("2026-11-25T03:00:00Z");
const HOST = "https://dash.example";

function told(changes: { events?: Partial<Heard>; system?: Partial<Heard>; figures?: object }) {
  return noticeOf(
    { ...LIVE, ...changes.events },
    { ...LIVE, ...changes.system },
    { ...LIVE, current: {}, ...changes.figures },
    HOST,
  );
}

test("while all is well it says so, and nothing else", () => {
  expect(told({})).toEqual({ tone: "good", title: "Live", detail: "", action: null });
});

test("at first it connects; later it reconnects, and says of when what is shown is", () => {
  expect(told({ events: { connectionState: "connecting" } }).title).toBe("Connecting…");
  const later = told({ events: { connectionState: "connecting", staleSince: AT } });
  expect(later.title).toBe("Reconnecting…");
  expect(later.detail).toMatch(/^Events\. What you see is of \d\d:\d\d:\d\d\.$/);
  expect(later.action).toBe("reconnect");
});

test("that nobody is signed in counts more than anything that comes of it", () => {
  const ended = { code: CloseCode.UNAUTHORIZED, reason: "" };
  const notice = told({
    events: { connectionState: "closed", ended },
    system: { connectionState: "connecting", staleSince: AT },
  });
  expect(notice).toMatchObject({ title: "Not signed in", action: "sign in" });
});

test("an origin that is not allowed is named, with the setting that allows it", () => {
  const ended = { code: CloseCode.FORBIDDEN_ORIGIN, reason: "" };
  const { tone, detail } = told({ system: { connectionState: "closed", ended } });
  expect(tone).toBe("bad");
  expect(detail).toBe(`Add ${HOST} to ALLOWED_ORIGINS.`);
});

test("what is late is named; late figures alone pause", () => {
  const stale = { connectionState: "stale", staleSince: AT } as const;
  expect(told({ system: stale })).toMatchObject({ title: "No news" });
  expect(told({ system: stale }).detail).toMatch(/^Statuses\. What you see is of /);
  expect(told({ events: stale }).detail).toMatch(/^Events\. /);
  expect(told({ events: stale, system: stale }).detail).toMatch(/^Events and statuses\. /);
  expect(told({ figures: stale }).title).toBe("Performance figures pause");
  expect(told({ figures: { ...stale, current: null } }).title).toBe("No performance figures");
});

test("events wait only where their own service says so, and statuses are partial where theirs does", () => {
  const degraded = { connectionState: "degraded" } as const;
  const stale = { connectionState: "stale", staleSince: AT } as const;
  const system = told({ system: degraded, figures: stale });
  expect(system).toMatchObject({ title: "Degraded", tone: "warn" });
  expect(system.detail).not.toMatch(/event/i);
  expect(told({ events: degraded }).title).toBe("Events wait");
  const both = told({ events: degraded, system: degraded });
  expect(both.title).toBe("Degraded");
  expect(both.detail).toMatch(/^Events wait.*Statuses are partial/);
});

test("the page is as new as the worst of its channels, which is named if it is late", () => {
  const channels = (events: number | null, statuses: number | null, late = "") =>
    freshnessOf(
      [
        { name: "Events", heardAt: events, isLate: late === "Events" },
        { name: "Statuses", heardAt: statuses, isLate: late === "Statuses" },
      ],
      AT,
    ).words;
  expect(channels(AT - 500, AT)).toBe("Updated now");
  expect(channels(AT - 1_000, AT - 4_000)).toBe("Updated 4 s ago");
  expect(channels(AT - 34_000, AT, "Events")).toBe("Events: no news for 34 s");
  expect(channels(AT - 9_000, AT - 4_000, "Statuses")).toBe("Statuses: no news for 4 s");
  expect(channels(AT, null)).toBe("Statuses: waiting");
});
