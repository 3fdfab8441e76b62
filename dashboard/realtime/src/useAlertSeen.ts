import { useEffect, useState } from "react";
import { ApiError } from "./api.ts";
import { wholeOf } from "./conform.ts";
import type { AlertSeen, MarkedAlert, RaisedAlertData } from "./messages.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { useActor } from "./useActor.ts";

/** Milliseconds until updates have told what was changed here: an interval, and some patience. */
const TOLD_BY_UPDATES = 10_000;

/** Milliseconds for which it is said that a change was refused: then it is of no use any more. */
const REFUSAL_SHOWN = 30_000;

/** A change that was refused. */
interface Refused {
  readonly method: "POST" | "DELETE";
  readonly error: ApiError;
}

const markedOf = (body: unknown) => wholeOf("MarkedAlert", body);

/**
 * Whether somebody of the household has seen an alert, and how to say so. All pages know with the
 * next update; this one at once.
 */
export function useAlertSeen(alert: RaisedAlertData) {
  const client = useClient();
  const actor = useActor();
  const [changed, setChanged] = useState<MarkedAlert | null>(null);
  const [refused, setRefused] = useState<Refused | null>(null);
  useEffect(() => {
    if (changed === null) return;
    const told = setTimeout(() => setChanged(null), TOLD_BY_UPDATES);
    return () => clearTimeout(told);
  }, [changed]);

  useEffect(() => {
    if (refused === null) return;
    const unsaid = setTimeout(() => setRefused(null), REFUSAL_SHOWN);
    return () => clearTimeout(unsaid);
  }, [refused]);

  const change = async (method: "POST" | "DELETE") => {
    const path = `/api/alerts/${encodeURIComponent(alert.id)}/seen`;
    try {
      setChanged(await client.change(method, path, markedOf));
      setRefused(null);
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setRefused({ method, error: failure });
    }
  };

  const seen: AlertSeen | null = changed ? changed.seen : (alert.seen ?? null);
  return {
    /** Who has seen it, and when; null while nobody has. */
    seen,
    /** Whether who is signed in may say so; null while that is not known. */
    mayAct: actor?.mayAct ?? null,
    mark: () => change("POST"),
    undo: () => change("DELETE"),
    /** Why the last change was refused; null while none was, and once that is no news any more. */
    error: refused?.error ?? null,
    /** Does the same again; null without an error. */
    retry: refused && (() => change(refused.method)),
  };
}
