// @vitest-environment jsdom
import { expect, test } from "vitest";
import { selectedText } from "../../src/components/jobs/copied";
import { whereIs } from "../../src/components/jobs/lineLink";
import {
  endsOf,
  extended,
  hashOf,
  includes,
  rangeIn,
  selectedOf,
} from "../../src/components/jobs/lineSelection";
import { bufferOf, line } from "./lines";

test("a selection goes from where it began to where one is, in either direction", () => {
  expect(endsOf({ anchor: 9, focus: 4 })).toEqual([4, 9]);
  expect(includes({ anchor: 9, focus: 4 }, 4)).toBe(true);
  expect(includes({ anchor: 9, focus: 4 }, 10)).toBe(false);
  expect(includes(null, 4)).toBe(false);
});

test("of a selection, what is shown is selected, however much that is", () => {
  const numbers = Array.from({ length: 5_000 }, (_, index) => index * 2);
  expect(selectedOf(numbers, { anchor: 3, focus: 8 })).toEqual([4, 6, 8]);
  expect(selectedOf(numbers, { anchor: 9_998, focus: 0 })).toHaveLength(5_000);
  expect(extended(numbers, { anchor: 4, focus: 6 }, 1)).toEqual({ anchor: 4, focus: 8 });
  expect(extended(numbers, { anchor: 0, focus: 0 }, -1)).toEqual({ anchor: 0, focus: 0 });
  expect(extended(numbers, { anchor: 0, focus: 9_998 }, 1).focus).toBe(9_998);
});

test("an address names a line, or some", () => {
  expect(rangeIn("#L120")).toEqual({ first: 120, last: 120 });
  expect(rangeIn("#L130-L120")).toEqual({ first: 120, last: 130 });
  expect(rangeIn("#L120-130")).toEqual({ first: 120, last: 130 });
  for (const hash of ["", "#", "#L", "#invite=abc", "#L1x", "#L999999999999999"]) {
    expect(rangeIn(hash)).toBeNull();
  }
  for (const range of [
    { first: 7, last: 7 },
    { first: 7, last: 9 },
  ]) {
    expect(rangeIn(hashOf(range))).toEqual(range);
  }
});

test("a link finds its lines by their numbers in the log, all of a message's lines with it", () => {
  const lines = bufferOf([line("a"), line("b"), line("c", { continues: true }), line("d")], 119);
  expect(whereIs(lines, { first: 120, last: 120 })).toEqual({
    state: "there",
    first: 1,
    last: 2,
    isComplete: true,
  });
  expect(whereIs(lines, { first: 121, last: 140 })).toMatchObject({
    state: "there",
    isComplete: false,
  });
  expect(whereIs(lines, { first: 1, last: 118 })).toEqual({ state: "gone", begins: 119 });
  expect(whereIs(lines, { first: 122, last: 122 })).toEqual({ state: "missing" });
  expect(whereIs(bufferOf([]), { first: 1, last: 1 })).toEqual({ state: "missing" });
});

/** Rows as they are drawn, each with a number and a time that are no part of its text. */
function rowsOf(...contents: string[]): HTMLElement {
  document.body.innerHTML = `<div id="log">${contents
    .map(
      (html, number) =>
        `<div data-number="${number}"><a>${number}</a><span>10:32</span><div data-content>${html}</div></div>`,
    )
    .join("")}</div>`;
  return document.querySelector<HTMLElement>("#log") ?? document.body;
}

function select(from: Node | null, start: number, to: Node | null, end: number): Selection | null {
  const selection = getSelection();
  if (from && to) selection?.setBaseAndExtent(from, start, to, end);
  return selection;
}

const whole = (number: number) => `whole ${number}`;

test("text that is selected across rows is copied as one line each, without times and numbers", () => {
  const log = rowsOf("<bdi>first <b>line</b></bdi>", "<bdi>second</bdi>", "<bdi>third one</bdi>");
  const [first, , third] = log.querySelectorAll("bdi");
  const chosen = select(first?.firstChild ?? null, 2, third?.firstChild ?? null, 5);
  expect(selectedText(chosen, log, whole)).toBe("rst line\nwhole 1\nthird");
});

test("a row of which no character is selected adds no line, and a folded one is whole", () => {
  const log = rowsOf("<bdi>first</bdi><button>… 9 more</button>", "<bdi>second</bdi>");
  const [first, second] = log.querySelectorAll("bdi");
  expect(selectedText(select(log, 0, second?.firstChild ?? null, 0), log, whole)).toBe("whole 0");
  const part = select(first?.firstChild ?? null, 1, second?.firstChild ?? null, 3);
  expect(selectedText(part, log, whole)).toBe("irst\nsec");
});

test("what is selected elsewhere is not of the log", () => {
  const log = rowsOf("<bdi>first</bdi>");
  document.body.insertAdjacentHTML("beforeend", "<p>other</p>");
  const other = document.querySelector("p")?.firstChild ?? null;
  expect(selectedText(select(other, 0, other, 3), log, whole)).toBeNull();
  expect(selectedText(select(other, 1, other, 1), log, whole)).toBeNull();
  expect(selectedText(null, log, whole)).toBeNull();
});
