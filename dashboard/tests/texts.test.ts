import { describe, expect, it } from "vitest";
import { textsIn } from "../src/texts";
import { en } from "../src/texts/en";

describe("the page's words", () => {
  it("are in the first language of the browser's that there is", () => {
    expect(textsIn(["fr-CH", "en-GB"])).toBe(en);
  });

  it("are in English where there is none of them", () => {
    expect(textsIn(["fr", "constructor"])).toBe(en);
    expect(textsIn([])).toBe(en);
  });
});
