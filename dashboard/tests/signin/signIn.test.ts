// @vitest-environment jsdom
import { Credentials } from "@hsi/realtime";
import { beforeEach, expect, test, vi } from "vitest";
import { elasticTime, jump, pass, until } from "../../realtime/tests/page";
import { SessionApi } from "../../src/signin/sessionApi";
import { SignIn } from "../../src/signin/signIn";
import { Home } from "../home";

const SESSION = "/api/session";
const KEY = "right-key";

let home: Home;

beforeEach(async () => {
  home = await Home.forTest();
  home.keys.set(KEY, { name: "owner", scope: "admin" });
  home.keys.set("producer-key", { name: "cameras", scope: "publish" });
});

/** Open the page in a tab of the browser; connections are refused and let in by its credentials. */
function open(code: string | null = null) {
  const credentials = new Credentials();
  const leave = vi.fn();
  const tabs = Object.assign(new EventTarget(), { postMessage: vi.fn() });
  const signIn = new SignIn({ api: new SessionApi(home.url), credentials, leave, tabs });
  const phases: string[] = [signIn.get().phase];
  signIn.subscribe(() => phases.push(signIn.get().phase));
  signIn.start(code);
  /** As a connection that is closed with 4401. */
  const refuse = () => credentials.refuse(credentials.attempt, "This home asks for an API key.");
  const is = (state: object) => until(() => expect(signIn.get()).toMatchObject(state));
  return { signIn, credentials, leave, tabs, phases, refuse, is };
}

const ASKED = { phase: "out", why: "This home asks who you are." };

test("where the home asks for nothing there is nothing to sign in to", async () => {
  home.asks = false;
  const { is } = open();
  await is({ phase: "open" });
});

test("services that have no sessions yet are left alone until they ask for something", async () => {
  home.override = { status: 404, body: '{"detail":"Not Found"}' };
  const { is, refuse } = open();
  await is({ phase: "open" });
  refuse();
  await is(ASKED);
});

test("a key is sent once, and then neither page nor storage nor URL has it", async () => {
  const { signIn, credentials, is, tabs } = open();
  await is(ASKED);
  const before = credentials.attempt;
  await signIn.signIn(KEY);
  await is({ phase: "in", session: { name: "owner", scope: "admin" } });
  expect(credentials.attempt).toBe(before + 1);
  expect(home.sent).toEqual([KEY]);
  expect(home.asked).toEqual([`GET ${SESSION}`, `POST ${SESSION}`]);
  const kept = [signIn.get(), credentials.get(), { ...sessionStorage }, { ...localStorage }];
  expect(JSON.stringify([kept, document.cookie, location.href])).not.toContain(KEY);
  expect(tabs.postMessage).toHaveBeenCalledOnce();
});

test("a browser that is signed in is not asked", async () => {
  const first = open();
  await first.is(ASKED);
  await first.signIn.signIn(KEY);
  const { is, phases } = open();
  await is({ phase: "in" });
  expect(phases).toEqual(["asking", "in"]);
});

test.each([
  [401, {}, '{"detail":"a valid API key is required"}', "This key was refused."],
  [429, { "Retry-After": "120" }, "", /^Too many tries .* in 2 min\.$/],
  [503, {}, '{"detail":"set SESSION_SECRET to let browsers in"}', /^set SESSION_SECRET to/],
  [403, {}, '{"detail":"this Origin is not allowed"}', /^this Origin/],
  [502, {}, "<h1>Bad Gateway</h1>", /\(HTTP 502\)\.$/],
])("a %i is told plainly, and the prompt stays", async (status, headers, body, words) => {
  const { signIn, is } = open();
  await is(ASKED);
  home.override = { status, headers, body };
  await expect(signIn.signIn("wrong")).rejects.toThrow(words);
  await is(ASKED);
});

test("no answer is told, and an answer of something else", async () => {
  const { signIn, is } = open();
  await is(ASKED);
  home.override = null;
  await expect(signIn.signIn(KEY)).rejects.toThrow(/^No answer/);
  home.override = { status: 200, body: "<!doctype html>" };
  await expect(signIn.signIn(KEY)).rejects.toThrow(/^Something else than/);
  await is(ASKED);
});

test("a key is not taken along to where an answer redirects", async () => {
  const other = await Home.forTest();
  const { signIn, is } = open();
  await is(ASKED);
  home.override = { status: 307, headers: { Location: `${other.url}api/session` } };
  await expect(signIn.signIn(KEY)).rejects.toThrow(/^No answer/);
  expect(other.asked).toEqual([]);
});

test("a key that may only publish opens no page", async () => {
  const { signIn, is } = open();
  await is(ASKED);
  await signIn.signIn("producer-key");
  await is({ phase: "out", why: expect.stringMatching(/only publish/) });
});

test("a session that ended asks once, however many connections were refused", async () => {
  const { signIn, is, refuse, phases } = open();
  await is(ASKED);
  await signIn.signIn(KEY);
  home.cookie = null;
  for (let connection = 0; connection < 5; connection += 1) refuse();
  await is({ phase: "out", why: "Your session has ended: sign in again." });
  await pass(50);
  expect(home.count(`GET ${SESSION}`)).toBe(2);
  expect(phases).toEqual(["asking", "out", "in", "out"]);
  await signIn.signIn(KEY);
  await is({ phase: "in" });
});

test("a service that refuses a good session is tried once more, and then named as what it is", async () => {
  elasticTime();
  const { signIn, credentials, is, refuse } = open();
  await is(ASKED);
  await signIn.signIn(KEY);
  const first = credentials.attempt;
  refuse();
  await jump(4_000);
  await until(() => expect(credentials.attempt).toBe(first + 1));
  await is({ phase: "in" });
  await jump(60_000);
  refuse();
  await is({ phase: "out", why: expect.stringMatching(/same API_KEYS and SESSION_SECRET/) });
  await jump(60_000);
  expect(credentials.attempt).toBe(first + 1);
  expect(home.count(`GET ${SESSION}`)).toBe(4);
});

test("a key that is taken away, and one service knows it first, is not tried again", async () => {
  elasticTime();
  const { signIn, credentials, is, refuse } = open();
  await is(ASKED);
  await signIn.signIn(KEY);
  const first = credentials.attempt;
  refuse();
  await until(() => expect(home.count(`GET ${SESSION}`)).toBe(2));
  home.cookie = null;
  await jump(4_000);
  await is({ phase: "out", why: "Your session has ended: sign in again." });
  expect(credentials.attempt).toBe(first);
});

test("without an answer it asks again, and the prompt waits for one, or for a refusal", async () => {
  elasticTime();
  home.override = null;
  const { is, refuse, phases } = open();
  await jump(12_000);
  expect(phases).toEqual(["asking"]);
  expect(home.asked).toHaveLength(3);
  refuse();
  await jump(5_000);
  await is(ASKED);
  await jump(30_000);
  expect(home.asked).toHaveLength(4);
});

test("an invite is traded, once", async () => {
  home.invites.set("code-1", "act");
  const first = open("code-1");
  await first.is({ phase: "in", session: { name: "owner's guest", scope: "act" } });
  expect(first.phases).toEqual(["asking", "arriving", "in"]);
  expect(home.asked).toEqual([`POST ${SESSION}`]);
  home.cookie = null;
  const second = open("code-1");
  await second.is({
    phase: "out",
    why: expect.stringMatching(/^This invite was used already, or its 10 minutes/),
  });
  await second.signIn.signIn(KEY);
  await second.is({ phase: "in" });
});

test("an invite that is no good takes nothing from a browser that is signed in", async () => {
  const first = open();
  await first.is(ASKED);
  await first.signIn.signIn(KEY);
  const { is } = open("used");
  await is({ phase: "in", session: { name: "owner" } });
});

test("an invite that could not be tried says why", async () => {
  home.override = { status: 503, body: '{"detail":"Redis does not answer: try again"}' };
  const { is } = open("code-1");
  await is({ phase: "out", why: "Redis does not answer: try again." });
});

test("signing out ends the session here, and leaves the page in all tabs", async () => {
  const one = open();
  await one.is(ASKED);
  await one.signIn.signIn(KEY);
  const other = open();
  await other.is({ phase: "in" });
  one.tabs.postMessage.mockClear();
  await one.signIn.signOut();
  expect(home.cookie).toBeNull();
  expect(one.leave).toHaveBeenCalledOnce();
  expect(one.tabs.postMessage).toHaveBeenCalledOnce();
  other.tabs.dispatchEvent(new Event("message"));
  await until(() => expect(other.leave).toHaveBeenCalledOnce());
});

test("who could not sign out is told so, and stays; without a session they are out", async () => {
  const { signIn, is, leave } = open();
  await is(ASKED);
  await signIn.signIn(KEY);
  home.override = null;
  await expect(signIn.signOut()).rejects.toThrow(/^No answer/);
  expect(leave).not.toHaveBeenCalled();
  home.override = { status: 401, body: "{}" };
  await signIn.signOut();
  expect(leave).toHaveBeenCalledOnce();
});

test("who signs in in one tab is in in the others", async () => {
  const [one, other] = [open(), open()];
  await one.is(ASKED);
  await other.is(ASKED);
  const before = other.credentials.attempt;
  await one.signIn.signIn(KEY);
  other.tabs.dispatchEvent(new Event("message"));
  await other.is({ phase: "in" });
  expect(other.credentials.attempt).toBe(before + 1);
});

test("an invite for others counts by this browser's clock, and asks to sign in when that ended", async () => {
  home.ahead = 3_600_000;
  const { signIn, is } = open();
  await is(ASKED);
  await signIn.signIn(KEY);
  const invite = await signIn.invite("act");
  expect(invite).toMatchObject({ code: "code-1", scope: "act" });
  const left = invite.expiresAt - performance.now();
  expect(left).toBeGreaterThan(595_000);
  expect(left).toBeLessThan(605_000);
  home.cookie = null;
  const looks = home.count(`GET ${SESSION}`);
  const both = await Promise.allSettled([signIn.invite("read"), signIn.invite("read")]);
  const refused = { reason: { message: "You are not signed in here any more." } };
  expect(both).toMatchObject([refused, refused]);
  await is({ phase: "out", why: "Your session has ended: sign in again." });
  expect(home.count(`GET ${SESSION}`)).toBe(looks + 1);
});
