import { Feed, type FeedState } from "./feed";
import { fieldsOf, linesOf, numberOf } from "./lenient";
import { LogBuffer } from "./logBuffer";
import type { JobEndData } from "./messages";
import { type Message, streamOf } from "./stream";

export interface JobLogState extends FeedState {
  /** The lines; the same object for ever, so look at `version`, too. */
  readonly lines: LogBuffer;
  /** Grows with every change of the lines. */
  readonly version: number;
  /** How the job ended, or that it runs: a line came; null while nobody said so. */
  readonly status: JobEndData["status"] | "running" | null;
  readonly exitCode: number | null;
  /** Whether lines before the first one are no longer kept, or some were lost. */
  readonly trimmed: boolean;
}

/** A job's log, from the first line that is still kept. */
export class JobLog extends Feed<JobLogState> {
  constructor(jobId: string) {
    // 0-0 is before the first line, so it asks for all that there are.
    const path = `/ws/jobs/${encodeURIComponent(jobId)}/logs`;
    super(streamOf(path, { start: "since=0-0" }), {
      lines: new LogBuffer(),
      version: 0,
      status: null,
      exitCode: null,
      trimmed: false,
    });
  }

  readonly clear = (): void => {
    this.get().lines.clear();
    this.#changed({ trimmed: false });
  };

  protected override take(message: Message): void {
    if (message.type === "log") {
      this.get().lines.push(linesOf(message.data));
      // A job may run again under its id: then its end was none.
      this.#changed({ status: "running", exitCode: null });
    } else if (message.type === "end") {
      const data = message.data as JobEndData;
      this.change({ status: data.status, exitCode: numberOf(data.exit_code) });
    } else if (message.type === "resumed" && fieldsOf(message.data).recovered === false) {
      this.get().lines.clear();
      this.#changed({ trimmed: true });
    }
  }

  protected override end(): void {
    this.get().lines.clear();
    super.end();
  }

  #changed(changes: Partial<JobLogState>): void {
    this.change({ ...changes, version: this.get().version + 1 });
  }
}

const logs = new Map<string, JobLog>();

/** The page's one log of a job. */
export function jobLogOf(jobId: string): JobLog {
  const found = logs.get(jobId) ?? new JobLog(jobId);
  logs.set(jobId, found);
  return found;
}
