import { beforeEach, expect, test, vi } from "vitest";
import { Announcements } from "../src/announcer";

let said: string[];
let announcements: Announcements;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  announcements = new Announcements();
  announcements.subscribe(() => {
    const [polite, assertive] = [announcements.polite(), announcements.assertive()];
    const now = [polite && `polite: ${polite}`, assertive && `at once: ${assertive}`];
    const text = now.filter(Boolean).join(" and ");
    if (text !== said.at(-1)) said.push(text);
  });
  return () => vi.useRealTimers();
});

test("texts stand one after the other, in order, each long enough to be noticed", async () => {
  for (const text of ["one", "two", "three"]) announcements.announce(text);
  expect(said).toEqual(["polite: one"]);
  await vi.advanceTimersByTimeAsync(900);
  expect(said).toEqual(["polite: one"]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(said).toEqual(["polite: one", "", "polite: two", "", "polite: three", ""]);
});

test("the same words again are said again", async () => {
  announcements.announce("same");
  announcements.announce("same");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(said).toEqual(["polite: same", "", "polite: same", ""]);
});

test("what is critical does not wait for what is not", () => {
  for (const text of ["one", "two"]) announcements.announce(text);
  announcements.announce("fire", { assertive: true });
  expect(said).toEqual(["polite: one", "polite: one and at once: fire"]);
});

test("what waits is bounded, and how much was left out is said", async () => {
  for (let number = 0; number < 1_000; number += 1) announcements.announce(`event ${number}`);
  await vi.advanceTimersByTimeAsync(120_000);
  const texts = said.filter((text) => text !== "");
  expect(texts).toHaveLength(52);
  expect(texts.slice(0, 3)).toEqual([
    "polite: event 0",
    "polite: 949 earlier announcements were left out",
    "polite: event 950",
  ]);
  expect(texts.at(-1)).toBe("polite: event 999");
});
