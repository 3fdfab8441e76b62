// @vitest-environment jsdom
import { expect, test } from "vitest";
import { ownScript } from "../src/ownScript";

test("a script of the page has its whole address", () => {
  expect(ownScript("worker.js")).toBe(`${location.origin}/worker.js`);
  expect(ownScript("/assets/search.js")).toBe(`${location.origin}/assets/search.js`);
});

test("what is of another origin is no script of the page", () => {
  expect(() => ownScript("https://elsewhere.example/worker.js")).toThrow(TypeError);
  expect(() => ownScript("//elsewhere.example/worker.js")).toThrow(TypeError);
});
