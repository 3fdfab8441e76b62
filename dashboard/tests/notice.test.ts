import { CloseCode } from "@hsi/realtime";
import { expect, test } from "vitest";
import { type Heard, noticeOf } from "../src/notice";

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
  expect(later.detail).toMatch(/^What you see is of \d\d:\d\d:\d\d\.$/);
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

test("late statuses are no news; late figures alone pause; without Redis it is degraded", () => {
  const stale = { connectionState: "stale", staleSince: AT } as const;
  expect(told({ system: stale }).title).toBe("No news");
  expect(told({ figures: stale }).title).toBe("Performance figures pause");
  expect(told({ figures: { ...stale, current: null } }).title).toBe("No performance figures");
  const degraded = { connectionState: "degraded" } as const;
  expect(told({ system: degraded, figures: stale }).title).toBe("Degraded");
});
