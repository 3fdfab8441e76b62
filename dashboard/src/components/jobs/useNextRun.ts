import { useEffect, useRef } from "react";

/**
 * Opens a closed log again when its job begins again: an id may run more than once.
 *
 * @param closed Whether the log was closed for good.
 * @param startedAt When the job began, as far as the list says; undefined while there is none.
 */
export function useNextRun(
  closed: boolean,
  startedAt: string | null | undefined,
  reconnect: () => void,
): void {
  const known = useRef(startedAt);
  useEffect(() => {
    if (!closed || known.current === undefined) known.current = startedAt;
    else if (startedAt && startedAt !== known.current) reconnect();
  }, [closed, startedAt, reconnect]);
}
