// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { read, write } from "../src/deviceStorage";

beforeEach(() => localStorage.clear());

test("what was chosen is there after a reload", () => {
  expect(read("hsi.one")).toBeNull();
  write("hsi.one", "dark");
  expect(read("hsi.one")).toBe("dark");
  expect(localStorage.getItem("hsi.one")).toBe("dark");
});

test("where site data are blocked it is remembered until the page is closed", () => {
  const blocked = () => {
    throw new DOMException("denied", "SecurityError");
  };
  vi.stubGlobal("localStorage", { getItem: blocked, setItem: blocked });
  expect(read("hsi.two")).toBeNull();
  write("hsi.two", "light");
  expect(read("hsi.two")).toBe("light");
});

test("where even naming the storage throws, so it is, too", () => {
  const storage = vi.spyOn(globalThis, "localStorage", "get").mockImplementation(() => {
    throw new DOMException("denied", "SecurityError");
  });
  write("hsi.three", "light");
  expect(read("hsi.three")).toBe("light");
  storage.mockRestore();
  write("hsi.three", "dark");
  expect(read("hsi.three")).toBe("dark");
});
