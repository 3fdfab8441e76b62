/** Finds addresses in the lines of a log. Pure. */

import type { Place } from "./search";

/** An address in a text. */
export interface Address {
  readonly place: Place;
  readonly href: string;
}

/**
 * http and https alone; without what ends it in a text, and without the characters that change the
 * direction of writing, which could show another address than it is.
 */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\\^{|}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/giu;
/** What rather belongs to the sentence than to the address. */
const AFTERWARDS = /[.,:;!?…*_~]+$/;
const BRACKETS: readonly (readonly [open: string, close: string])[] = [
  ["(", ")"],
  ["[", "]"],
];
/** No person follows a longer one. */
const LONGEST = 2_048;

/** The addresses of a text, from left to right. */
export function addressesIn(text: string): Address[] {
  if (!text.includes("://")) return [];
  return [...text.matchAll(ADDRESS)].flatMap(({ 0: match, index }) => {
    const address = trimmed(match);
    const href = address.length > LONGEST ? null : hrefOf(address);
    return href === null ? [] : [{ place: [index, index + address.length] as const, href }];
  });
}

/** An address without the sentence around it: "(see http://a/b_(c))." is "http://a/b_(c)". */
function trimmed(match: string): string {
  let address = match;
  for (;;) {
    const before = address;
    address = address.replace(AFTERWARDS, "");
    for (const [open, close] of BRACKETS) {
      if (address.endsWith(close) && count(address, close) > count(address, open)) {
        address = address.slice(0, -1);
      }
    }
    if (address === before) return address;
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function hrefOf(address: string): string | null {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  return url.hostname === "" ? null : url.href;
}
