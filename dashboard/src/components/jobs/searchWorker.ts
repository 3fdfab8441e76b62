import { foundIn } from "./search";

/** Lines to look at, for what. */
export interface Question {
  readonly source: string;
  readonly flags: string;
  readonly lines: readonly string[];
}

// A thread of its own: an expression can take minutes for one line, and cannot be stopped but with
// its thread.
addEventListener("message", ({ data }: MessageEvent<Question>) => {
  postMessage(foundIn(data.lines, new RegExp(data.source, data.flags)));
});
postMessage("ready");
