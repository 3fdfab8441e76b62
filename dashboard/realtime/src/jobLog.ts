import { PerClient } from "./client.ts";
import { Feed, type FeedState } from "./feed.ts";
import { linesOf } from "./lenient.ts";
import { LogBuffer } from "./logBuffer.ts";
import type { JobEndData } from "./messages.ts";
import type { Received, Stream, StreamOptions } from "./stream.ts";

/** 0-0 is before the first line, so it asks for all that there are. */
const OPTIONS: StreamOptions = { start: "since=0-0" };

export interface JobLogState extends FeedState {
  /** The lines; always the same object, so look at `version`, too. */
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
  constructor(stream: Stream) {
    super(stream, {
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

  protected override take({ raw, known }: Received): void {
    if (known?.type === "log") {
      this.get().lines.push(linesOf(known.data, raw.data, raw.cursor));
      // A job may run again under its id: then it has not ended.
      this.#changed({ status: "running", exitCode: null });
    } else if (known?.type === "end") {
      const { status = null, exit_code = null } = known.data;
      this.change({ status, exitCode: exit_code });
    } else if (known?.type === "resumed" && known.data.recovered === false) {
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

/** The logs by the ids of their jobs. */
export const jobLogs = new PerClient(
  (client, id) => new JobLog(client.stream(`/ws/jobs/${encodeURIComponent(id)}/logs`, OPTIONS)),
);
