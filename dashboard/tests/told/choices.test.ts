// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { Choices } from "../../src/told/choices";

afterEach(() => {
  localStorage.clear();
});

test("what was chosen is there in the next page, and in other tabs at once", () => {
  const [one, other] = [new Choices(), new Choices()];
  const told = vi.fn();
  other.subscribe(told);
  one.change({ level: "critical", sounds: true });
  expect(new Choices().get()).toMatchObject({ level: "critical", sounds: true });
  dispatchEvent(new StorageEvent("storage", { key: "hsi.told" }));
  expect(told).toHaveBeenCalledOnce();
  expect(other.get()).toEqual(one.get());
});

test("where the browser keeps nothing, a choice is kept for as long as the page is open", () => {
  const blocked = () => {
    throw new DOMException("blocked", "SecurityError");
  };
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(blocked);
  vi.spyOn(Storage.prototype, "getItem").mockImplementation(blocked);
  const choices = new Choices();
  choices.change({ level: "low" });
  expect(choices.get().level).toBe("low");
});
