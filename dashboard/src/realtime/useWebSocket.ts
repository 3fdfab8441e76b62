import { useEffect, useMemo, useSyncExternalStore } from "react";
import { Observable } from "./observable";
import { type Connection, type Message, type Stream, type StreamOptions, streamOf } from "./stream";

export interface WebSocketOptions extends StreamOptions {
  /** Called with every message; `lastMessage` alone may skip some, when many come at once. */
  readonly onMessage?: (message: Message) => void;
}

export interface WebSocketState {
  readonly isConnected: boolean;
  readonly lastMessage: Message | null;
  readonly connectionState: Connection["state"];
  /** Since when what came may be out of date, ms since 1970; null while it is not. */
  readonly staleSince: number | null;
  readonly reconnectCount: number;
  /** Close code and reason, once it is closed for good. */
  readonly ended: Connection["ended"];
  /** Come back now: after it was closed for good, or instead of waiting. */
  readonly reconnect: () => void;
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
 * A WebSocket that comes back by itself and goes on where it was (seed: useWebSocket).
 *
 * However many components ask for a path, it has one socket. Options but `onMessage` are the first
 * one's.
 *
 * @param path Of this page's host, as `/ws/events`.
 */
export function useWebSocket(path: string, options: WebSocketOptions = {}): WebSocketState {
  const { onMessage, ...how } = options;
  const stream = streamOf(path, how);
  const connection = useSyncExternalStore(stream.subscribe, stream.get);
  const last = useMemo(() => new LastMessage(stream), [stream]);
  const lastMessage = useSyncExternalStore(last.subscribe, last.get);
  useEffect(
    () =>
      last.stream.listen((message) => {
        last.show(message);
        onMessage?.(message);
      }),
    [last, onMessage],
  );
  return { ...connectionValues(connection), lastMessage, reconnect: stream.reconnect };
}

/** What every hook returns of its connection. */
export function connectionValues(connection: Connection) {
  const { state, staleSince, reconnectCount, ended } = connection;
  return {
    isConnected: state !== "connecting" && state !== "closed",
    connectionState: state,
    staleSince,
    reconnectCount,
    ended,
  };
}
