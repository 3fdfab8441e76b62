// @vitest-environment jsdom
import { expect, test } from "vitest";
import { forgetOldKey, takeInvite } from "../../src/signin/arrival";

test("an invite's code is taken out of the address bar and the history, and all else stays", () => {
  history.replaceState({ kept: true }, "", "/jobs/import-7?level=ERROR#invite=a-b_c");
  const { length } = history;
  expect(takeInvite()).toBe("a-b_c");
  expect(location.href).toBe(`${location.origin}/jobs/import-7?level=ERROR`);
  expect(history.length).toBe(length);
  expect(history.state).toEqual({ kept: true });
  expect(takeInvite()).toBeNull();
});

test("another fragment is left alone", () => {
  history.replaceState(null, "", "/#main");
  expect(takeInvite()).toBeNull();
  expect(location.hash).toBe("#main");
});

test("a key that an older page left in this tab is removed", () => {
  sessionStorage.setItem("hsi.api-key", "k-1");
  sessionStorage.setItem("hsi.reloaded-at", "5");
  forgetOldKey();
  expect({ ...sessionStorage }).toEqual({ "hsi.reloaded-at": "5" });
});
