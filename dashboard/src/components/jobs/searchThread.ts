import { ownScript } from "../../ownScript";
import type { StartThread } from "./lineSearch";
import url from "./searchWorker?worker&url";

/** Starts a thread that looks at lines. */
export const startThread: StartThread = (hear, fail) => {
  const worker = new Worker(ownScript(url), { type: "module", name: "search" });
  worker.addEventListener("message", ({ data }: MessageEvent<unknown>) => hear(data));
  worker.addEventListener("error", fail);
  return worker;
};
