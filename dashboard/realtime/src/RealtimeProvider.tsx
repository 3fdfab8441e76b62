import { createContext, type ReactNode, useContext, useMemo } from "react";
import { RealtimeClient, type RealtimeOptions } from "./client.ts";
import { useObservable } from "./useObservable.ts";

const Context = createContext<RealtimeClient | null>(null);

let pageClient: RealtimeClient | undefined;

/** The client of the nearest provider; without one the page's own, of its own host. */
export function useClient(): RealtimeClient {
  return useContext(Context) ?? defaultClient();
}

function defaultClient(): RealtimeClient {
  pageClient ??= new RealtimeClient();
  return pageClient;
}

export interface RealtimeProviderProps extends RealtimeOptions {
  readonly children?: ReactNode;
}

/**
 * Says where the services are, and with which API key and logger; hooks below it share its
 * connections. Other options make other connections, so `credentials` and `logger` have to be the
 * same objects with each render.
 */
export function RealtimeProvider({
  baseUrl,
  credentials,
  logger,
  children,
}: RealtimeProviderProps) {
  const client = useMemo(
    () => new RealtimeClient({ baseUrl, credentials, logger }),
    [baseUrl, credentials, logger],
  );
  return <Context.Provider value={client}>{children}</Context.Provider>;
}

/** How the page shows who it is, and whether it was refused. */
export function useCredentials() {
  const { credentials } = useClient();
  const access = useObservable(credentials);
  return {
    credentials,
    /** Another object after each refusal, even for the same reason. */
    access,
  };
}
