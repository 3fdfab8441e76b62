import { CloseCode } from "@hsi/realtime";
import { expect, test } from "vitest";
import { clock, dateAndClock } from "../src/format";
import { freshnessOf, type Heard, noticeOf } from "../src/notice";

const LIVE: Heard = { connectionState: "live", staleSince: null, ended: null };
const AT = Date.parse("2026-11-25T03:00:00Z");
const HOST = "https://dash.example";

function told(changes: {
  events?: Partial<Heard>;
  system?: Partial<Heard>;
  figures?: object;
  page?: object;
}) {
  return noticeOf(
    { ...LIVE, ...changes.events },
    { ...LIVE, ...changes.system },
    { ...LIVE, current: {}, ...changes.figures },
    HOST,
    changes.page,
  );
}

test("while all is well it says so, and nothing else", () => {
  expect(told({})).toMatchObject({ tone: "good", title: "Live", detail: "", action: null });
});

test("at first it connects; later it reconnects, and says of when what is shown is", () => {
  expect(told({ events: { connectionState: "connecting" } }).title).toBe("Connecting…");
  const later = told({ events: { connectionState: "connecting", staleSince: AT } });
  expect(later.title).toBe("Reconnecting…");
  expect(later.detail).toBe(`Events are as of ${clock(AT)}.`);
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

test("a login in front of the home that has ended is told before what comes of it", () => {
  const closed = { ended: { code: 1006, reason: "" }, connectionState: "closed" } as const;
  const events = { ...LIVE, connectionState: "connecting", staleSince: AT } as const;
  const notice = noticeOf(events, { ...LIVE, ...closed }, { ...LIVE, current: {} }, HOST, {
    isIntercepted: true,
  });
  expect(notice).toMatchObject({ tone: "warn", title: "Signed out", action: "sign in again" });
});

test("what is late is named; late figures alone pause", () => {
  const stale = { connectionState: "stale", staleSince: AT } as const;
  expect(told({ system: stale })).toMatchObject({ title: "No news" });
  expect(told({ system: stale }).detail).toBe(`Statuses are as of ${clock(AT)}.`);
  expect(told({ events: stale }).detail).toMatch(/^Events are as of /);
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

test("what is late is of its own time, and only where all is late does that go for all", () => {
  const stale = { connectionState: "stale", staleSince: AT } as const;
  const older = { connectionState: "stale", staleSince: AT - 60_000 } as const;
  const one = told({ events: stale, figures: older });
  expect(one.detail).toBe(`Events are as of ${clock(AT)}.`);
  expect(one.channels).toEqual(["Events"]);
  const all = told({ events: stale, system: stale, figures: older });
  expect(all.detail).toBe(`What you see is of ${clock(AT - 60_000)}.`);
});

test("figures pause only where none come; while they are asked for, that is said", () => {
  const degraded = { connectionState: "degraded" } as const;
  const asked = told({ system: degraded, figures: { ...degraded, polled: true } });
  expect(asked.detail).toBe("Statuses are partial; figures are asked for every 5 s.");
  const late = { connectionState: "stale", staleSince: AT, polled: true } as const;
  expect(told({ system: degraded, figures: late }).detail).toBe(
    "Statuses are partial, and figures pause.",
  );
  const both = told({ events: degraded, system: degraded, figures: { ...degraded, polled: true } });
  expect(both.detail).not.toMatch(/pause/);
  expect(told({ system: degraded }).detail).toBe("Statuses are partial.");
});

test("it is not live while what is asked for cannot be had", () => {
  const notice = told({ page: { unansweredSince: AT } });
  expect(notice).toMatchObject({ tone: "warn", title: "No answers" });
  expect(notice.detail).toBe(`What this page asks for cannot be had since ${clock(AT)}.`);
  const stale = { connectionState: "stale", staleSince: AT } as const;
  expect(told({ events: stale, page: { unansweredSince: AT } }).title).toBe("No news");
  // Of the collector, it says which.
  const figures = { ...stale, current: {} };
  expect(told({ figures, page: { unansweredSince: AT } }).title).toBe("Performance figures pause");
});

test("a page that nobody answers does not connect without end", () => {
  const connecting = { connectionState: "connecting" } as const;
  const page = { isLate: true, lastHeardAt: AT };
  const nobody = { events: connecting, system: connecting, figures: connecting };
  const notice = told({ ...nobody, page });
  expect(notice).toMatchObject({ tone: "warn", title: "No connection", action: "reconnect" });
  expect(notice.detail).toBe(`This home was last heard of at ${dateAndClock(AT)}.`);
  expect(told({ ...nobody, page: { isLate: true } }).detail).toBe("This home does not answer.");
  expect(told({ events: connecting, page }).detail).toBe("Events: nothing was heard of them yet.");
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
