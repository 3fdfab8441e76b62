import { jobLogs } from "./jobLog.ts";
import { CloseCode } from "./messages.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { useObservable } from "./useObservable.ts";
import { connectionValues } from "./useWebSocket.ts";

/**
 * A job's log from its first kept line on, and how it ended (R56).
 *
 * `logs` is always the same object; `version` grows when it changes. Identical lines are all there:
 * each line is told from the others by its place, not by its text.
 */
export function useJobLogs(jobId: string) {
  const log = jobLogs.of(useClient(), jobId);
  const { connection, lines, version, status, exitCode, trimmed } = useObservable(log);
  const { ended } = connection;
  return {
    ...connectionValues(connection),
    logs: lines,
    version,
    // Where there is nothing more to come, a job without an end has died.
    status: ended !== null && status === "running" ? null : status,
    exitCode,
    trimmed: trimmed || lines.trimmed,
    /** It was refused, and will not try again by itself. */
    hasExhaustedRetries: ended !== null && ended.code !== CloseCode.NORMAL,
    clearLogs: log.clear,
    reconnect: log.reconnect,
  };
}
