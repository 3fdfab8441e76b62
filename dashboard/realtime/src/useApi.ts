import { useEffect } from "react";
import useSWR, { type SWRConfiguration } from "swr";
import { ApiError } from "./api.ts";
import { useClient } from "./RealtimeProvider.tsx";

interface ApiOptions
  extends Pick<SWRConfiguration, "refreshInterval" | "revalidateOnFocus" | "keepPreviousData"> {
  /** What else the answer depends on: when it changes, it is asked for again. */
  readonly version?: string;
}

interface MissingOption<T> {
  /** Makes an answer of there being nothing of this path (404), and why; else that is an error. */
  readonly missing?: (why: string) => T;
}

/**
 * What a path under /api has: asked for again when the page is looked at again, when the network is
 * back, when the page was let in, and when it failed: then by and by, and when a service is back.
 *
 * @param path Null asks for nothing.
 * @param read Makes of the body what was asked for; null if it is something else.
 */
export function useApi<T>(
  path: string | null,
  read: (body: unknown) => T | null,
  { version = "", missing, ...options }: ApiOptions & MissingOption<T> = {},
) {
  const client = useClient();
  const { data, error, isLoading, mutate } = useSWR<T, ApiError>(
    path === null ? null : [client, path, version],
    () => client.getJson(path ?? "", read).catch(orMissing(missing)),
    {
      shouldRetryOnError,
      // SWR's own retries are minutes apart after some failures.
      onErrorRetry: (_error, _key, _config, revalidate, { retryCount, dedupe }) =>
        client.retries.plan(() => void revalidate({ retryCount, dedupe }), retryCount),
      ...options,
    },
  );
  const { credentials } = client;
  useEffect(() => {
    let { attempt } = credentials;
    return credentials.subscribe(() => {
      if (attempt === credentials.attempt) return;
      ({ attempt } = credentials);
      void mutate();
    });
  }, [credentials, mutate]);
  return { data, error: error ?? null, isLoading, mutate };
}

/** What to make of an error: an answer, if it says that there is nothing of the path. */
function orMissing<T>(missing: ((why: string) => T) | undefined): (error: unknown) => T {
  return (error) => {
    if (missing && error instanceof ApiError && error.status === 404) return missing(error.message);
    throw error;
  };
}

/**
 * Asking again before the page was let in only asks the person again; what makes no sense makes none
 * the next time.
 */
function shouldRetryOnError(error: unknown): boolean {
  return !(error instanceof ApiError && (error.status === 401 || error.status === 400));
}
