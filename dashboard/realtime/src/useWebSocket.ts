import { useEffect, useMemo } from "react";
import type { Message } from "./narrow.ts";
import { Observable } from "./observable.ts";
import { useClient } from "./RealtimeProvider.tsx";
import type { Connection, Stream, StreamOptions } from "./stream.ts";
import { useObservable } from "./useObservable.ts";

export interface WebSocketOptions extends StreamOptions {
  /** Called with every message; `lastMessage` alone may skip some, when many come at once. */
  readonly onMessage?: (message: Message) => void;
}

export interface WebSocketState extends ConnectionValues {
  /** As it came. */
  readonly lastMessage: Message | null;
  /** Come back now: after it was closed for good, or instead of waiting. */
  readonly reconnect: () => void;
}

/** What every hook returns of its connection. */
export interface ConnectionValues {
  readonly isConnected: boolean;
  readonly connectionState: Connection["state"];
  /** Since when what came may be out of date, ms since 1970; null while it is not. */
  readonly staleSince: number | null;
  readonly reconnectCount: number;
  /** Close code and reason, once it is closed for good. */
  readonly ended: Connection["ended"];
}

/** The last message that was heard of a stream; of another one it is another. */
class LastMessage extends Observable<Message | null> {
  readonly stream: Stream;

  constructor(stream: Stream) {
    super(null);
    this.stream = stream;
  }

  readonly show = (message: Message): void => this.set(message);
}

/**
 * A WebSocket that comes back by itself and goes on where it was (R52).
 *
 * However many components ask for a URL, it has one socket. Options but `onMessage` are the first
 * one's. The API key goes to the services' host alone.
 *
 * @param url A path below the base URL, as `/ws/events`, or the URL of a WebSocket anywhere.
 */
export function useWebSocket(url: string, options: WebSocketOptions = {}): WebSocketState {
  const { onMessage, ...how } = options;
  const stream = useClient().stream(url, how);
  const connection = useObservable(stream);
  const last = useMemo(() => new LastMessage(stream), [stream]);
  const lastMessage = useObservable(last);
  useEffect(
    () =>
      last.stream.listen(({ raw }) => {
        last.show(raw);
        onMessage?.(raw);
      }),
    [last, onMessage],
  );
  return { ...connectionValues(connection), lastMessage, reconnect: stream.reconnect };
}

export function connectionValues(connection: Connection): ConnectionValues {
  const { state, staleSince, reconnectCount, ended } = connection;
  return {
    isConnected: state !== "connecting" && state !== "closed",
    connectionState: state,
    staleSince,
    reconnectCount,
    ended,
  };
}
