/** The words of the page, in the browser's language where they have been written. */

import { en } from "./en";

export type Texts = typeof en;

const LANGUAGES: ReadonlyMap<string, Texts> = new Map([["en", en]]);

/** The words in the first of these languages (BCP 47) that there are, else in English. Pure. */
export function textsIn(languages: readonly string[]): Texts {
  const known = languages.flatMap(
    (language) => LANGUAGES.get(language.split("-", 1)[0] ?? "") ?? [],
  );
  return known[0] ?? en;
}

export const texts = textsIn(navigator.languages);
