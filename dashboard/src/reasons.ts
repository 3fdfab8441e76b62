import { texts } from "./texts";

const words = texts.page.reasons;

/** "Redis cannot be asked: TimeoutError; ask again soon": who asked a program, and its exception. */
const CANNOT_BE_ASKED = /^(\S+) cannot be (?:asked|read): \w*(?:Error|Exception|Timeout)\b.*$/s;
const NO_ANSWER = /^No answer\b/;
const HTTP = /^HTTP (\d+)$/;

/** Why something could not be done, as a person says it: without names of programs' errors. Pure. */
export function reasonOf(said: string): string {
  const asked = CANNOT_BE_ASKED.exec(said)?.[1];
  if (asked !== undefined) return words.doesNotAnswer(asked);
  if (NO_ANSWER.test(said)) return words.noAnswer;
  const status = HTTP.exec(said)?.[1];
  return status === undefined ? said : words.badAnswer(status);
}
