// @vitest-environment node
import { expect, test } from "vitest";
import { segmentsOf } from "../../src/components/jobs/ansi";
import { addressesIn } from "../../src/components/jobs/links";
import { withLinks } from "../../src/components/jobs/marks";

const found = (text: string) =>
  addressesIn(text).map(({ place: [from, to] }) => text.slice(from, to));

test.each([
  ["see https://example.com/a.", ["https://example.com/a"]],
  ["(http://example.com/b_(c))", ["http://example.com/b_(c)"]],
  ["[http://[::1]:8080/x], and http://10.0.0.1!", ["http://[::1]:8080/x", "http://10.0.0.1"]],
  ['"https://example.com/?q=1&r=2#top": gone', ["https://example.com/?q=1&r=2#top"]],
  ["<HTTPS://EXAMPLE.COM>", ["HTTPS://EXAMPLE.COM"]],
  ["https://example.com/straße,", ["https://example.com/straße"]],
  ["no: javascript://example.com/%0aalert(1)", []],
  ["no: ftp://example.com data:text/html,x https:// http://:80", []],
  [`http://example.com/${"x".repeat(3_000)}`, []],
])("in %j, %j are addresses", (text, addresses) => {
  expect(found(text)).toEqual(addresses);
});

test("no character that turns the direction of writing is in an address", () => {
  expect(found("https://example.com/\u202egpj.exe")).toEqual(["https://example.com/"]);
  expect(found("https://exa\u200bmple.com/")).toEqual(["https://exa"]);
});

test("an address of look-alike letters says what it is", () => {
  expect(addressesIn("https://аpple.com/")[0]?.href).toBe("https://xn--pple-43d.com/");
});

test("an address is one link, whatever its colours", () => {
  const segments = segmentsOf("at \u001b[31mhttp://a/\u001b[32mb\u001b[0m now");
  const text = segments.map((segment) => segment.text).join("");
  const runs = withLinks(segments, addressesIn(text));
  expect(runs.map(({ href, segments }) => [href, segments.map((one) => one.text)])).toEqual([
    [null, ["at "]],
    ["http://a/b", ["http://a/", "b"]],
    [null, [" now"]],
  ]);
});

test("a line of 12,000 characters is looked at in no time", () => {
  const began = performance.now();
  expect(found("://".repeat(4_000))).toEqual([]);
  expect(found(`http://a/${"(".repeat(1_000)}${")".repeat(1_000)}`)).toHaveLength(1);
  expect(performance.now() - began).toBeLessThan(500);
});
