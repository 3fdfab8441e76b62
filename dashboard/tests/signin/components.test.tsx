// @vitest-environment jsdom
import { Credentials } from "@hsi/realtime";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { StrictMode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { elasticTime, jump, until } from "../../realtime/tests/page";
import { Account } from "../../src/components/signin/Account";
import KeyPrompt from "../../src/components/signin/KeyPrompt";
import { useSignIn } from "../../src/components/signin/useSignIn";
import { dateAndClock } from "../../src/format";
import { SessionApi } from "../../src/signin/sessionApi";
import { SignIn } from "../../src/signin/signIn";
import { Home } from "../home";

const KEY = "right-key";

let home: Home;

beforeEach(async () => {
  home = await Home.forTest();
  home.keys.set(KEY, { name: "owner", scope: "act" });
  // jsdom has dialogs that neither open nor close.
  Object.assign(HTMLDialogElement.prototype, {
    showModal(this: HTMLDialogElement) {
      this.open = true;
    },
    close(this: HTMLDialogElement) {
      if (!this.open) return;
      this.open = false;
      this.dispatchEvent(new Event("close"));
    },
  });
});

afterEach(cleanup);

/** As the page has it. */
function Prompt({ signIn }: { signIn: SignIn }) {
  return useSignIn(signIn).phase === "out" && <KeyPrompt signIn={signIn} />;
}

/** Show all that is about signing in. */
function show(): SignIn {
  const signIn = new SignIn({
    api: new SessionApi(home.url),
    credentials: new Credentials(),
    leave: vi.fn(),
    tabs: Object.assign(new EventTarget(), { postMessage: vi.fn() }),
  });
  render(
    <StrictMode>
      <Account signIn={signIn} />
      <Prompt signIn={signIn} />
    </StrictMode>,
  );
  signIn.start(null);
  return signIn;
}

const prompt = () => screen.queryByRole("dialog", { name: "Sign in" });
const alertText = () => prompt()?.querySelector('[role="alert"]')?.textContent;
const field = () => screen.getByLabelText<HTMLInputElement>("Key");

function enter(key: string): void {
  fireEvent.change(field(), { target: { value: key } });
  fireEvent.submit(field());
}

/** Show it to somebody who is signed in. */
async function showSignedIn(scope = "act"): Promise<void> {
  home.cookie = { name: "owner", scope, expires_at: "2026-12-27T10:00:00Z" };
  show();
  await until(() => screen.getByText("owner", { selector: "strong bdi" }));
}

test("where the home asks for nothing, nothing of it shows", async () => {
  home.asks = false;
  const signIn = show();
  await until(() => expect(signIn.get().phase).toBe("open"));
  expect(prompt()).toBeNull();
  expect(screen.queryByRole("button", { name: /Account/ })).toBeNull();
});

test("the prompt says what was wrong, and its field keeps no key", async () => {
  show();
  await until(() => expect(alertText()).toBe("This home asks who you are."));
  enter("two words");
  await until(() => expect(alertText()).toMatch(/no spaces/));
  expect(home.sent).toEqual([]);
  enter("wrong");
  expect(field().value).toBe("");
  await until(() => expect(alertText()).toBe("This key was refused."));
  expect(field().getAttribute("aria-invalid")).toBe("true");
  enter(KEY);
  expect(field().value).toBe("");
  await until(() => expect(prompt()).toBeNull());
  expect(home.sent).toEqual(["wrong", KEY]);
  expect(document.documentElement.outerHTML).not.toContain(KEY);
});

test("who closed the prompt is asked again when they want to be, without the old fault", async () => {
  const signIn = show();
  await until(() => expect(prompt()).not.toBeNull());
  enter("wrong");
  await until(() => expect(alertText()).toBe("This key was refused."));
  (prompt() as HTMLDialogElement).close();
  await until(() => expect(prompt()).toBeNull());
  signIn.ask();
  await until(() => expect(alertText()).toBe("This home asks who you are."));
});

test("somebody who is signed in sees who they are, what they may do, and until when", async () => {
  await showSignedIn();
  expect(screen.getByRole("button", { name: "Account: owner" })).toBeTruthy();
  const menu = screen.getByLabelText("Account");
  expect(menu.textContent).toContain("may look and act");
  expect(menu.textContent).toContain(
    `Signed in until ${dateAndClock(Date.parse(home.cookie?.expires_at ?? ""))}`,
  );
  expect(menu.textContent).toContain("Of this browser only: others stay signed in.");
});

test("signing out that fails says so", async () => {
  await showSignedIn();
  home.override = { status: 503, body: '{"detail":"try again"}' };
  fireEvent.click(screen.getByText("Sign out"));
  await until(() => screen.getByText("Still signed in: try again."));
});

const dialog = () => screen.getByRole("dialog", { name: "Let a phone in" });

async function openInvites(): Promise<void> {
  fireEvent.click(screen.getByText("Let a phone in"));
  await until(dialog);
}

test("an invite has a code to scan and a link to copy, until its time is over", async () => {
  elasticTime();
  let ahead = 0;
  const now = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => now() + ahead);
  await showSignedIn();
  await openInvites();
  expect(within(dialog()).getAllByRole("radio")).toHaveLength(2);
  fireEvent.click(screen.getByLabelText("may look and act"));
  fireEvent.click(screen.getByText("Make a code"));
  const link = await until(() => screen.getByLabelText<HTMLInputElement>("Link"));
  expect(link.value).toBe(`${location.origin}/#invite=code-1`);
  expect(home.invites.get("code-1")).toBe("act");
  expect(dialog().querySelector("svg[role=img] path")?.getAttribute("d")).toMatch(/^M\d+ \d+h1/);
  expect(screen.getByRole("timer").textContent).toMatch(/^(10:00|9:5\d)$/);
  ahead = 60_000;
  await jump(2_000);
  expect(screen.getByRole("timer").textContent).toMatch(/^8:5\d$/);
  ahead = 10 * 60_000;
  await jump(2_000);
  await until(() => screen.getByText(/This invite has expired/));
  expect(dialog().querySelector("svg[role=img]")).toBeNull();
  fireEvent.click(screen.getByText("Make a code"));
  await until(() =>
    expect(screen.getByLabelText<HTMLInputElement>("Link").value).toMatch(/code-2$/),
  );
});

test("who may only look gives no more, and is not asked what to give", async () => {
  await showSignedIn("read");
  await openInvites();
  expect(within(dialog()).queryAllByRole("radio")).toEqual([]);
  home.override = { status: 503, body: '{"detail":"Redis does not answer"}' };
  fireEvent.click(screen.getByText("Make a code"));
  await until(() => expect(dialog().textContent).toContain("No invite: Redis does not answer."));
  home.override = undefined;
  fireEvent.click(screen.getByText("Make a code"));
  await until(() => expect(home.invites.get("code-1")).toBe("read"));
  fireEvent.click(screen.getByText("Close"));
  await until(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("a link is copied where the browser lets the page, and else selected for the person", async () => {
  await showSignedIn("read");
  await openInvites();
  fireEvent.click(screen.getByText("Make a code"));
  const link = await until(() => screen.getByLabelText<HTMLInputElement>("Link"));
  const writeText = vi.fn(async (_: string) => {});
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  fireEvent.click(screen.getByText("Copy"));
  await until(() => screen.getByText("Copied"));
  expect(writeText).toHaveBeenCalledWith(link.value);
  vi.stubGlobal("navigator", {});
  fireEvent.click(screen.getByText("Copy"));
  await until(() => screen.getByText(/^Selected: /));
  expect([link.selectionStart, link.selectionEnd]).toEqual([0, link.value.length]);
});
