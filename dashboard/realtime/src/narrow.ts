import { fieldsOf, partOf } from "./conform.ts";
import { DATA_BY_TYPE } from "./definitions.ts";
import type { ServerMessage } from "./messages.ts";

/** A message as it came; its type decides what its data is. */
export interface Message {
  readonly cursor?: string;
  readonly type: string;
  readonly data?: unknown;
  readonly timestamp?: string;
  /** In heartbeats and pongs: what time it is for the services. */
  readonly now?: string;
  /** In heartbeats and pongs: whether the replica hears Redis now. */
  readonly heard?: boolean;
  /** In heartbeats and pongs: how often the replica may have missed what has no cursor. */
  readonly breaks?: number;
}

/** A message of a known type: each field of its data is as the schema says, or is not there. */
type Received<M> = M extends { type: infer Type; data: infer Data }
  ? { readonly type: Type; readonly cursor?: string; readonly data: Readonly<Partial<Data>> }
  : M;

/** A message of the services, as far as it is what their schemas say. */
export type KnownMessage = Received<ServerMessage>;

/** The message that a frame holds; null if it holds none. Pure. */
export function messageOf(frame: string): Message | null {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  const { type, cursor, timestamp, now, heard, breaks, ...others } = fieldsOf(value);
  if (typeof type !== "string") return null;
  return {
    ...(typeof cursor === "string" && { cursor }),
    type,
    ...others,
    ...(typeof timestamp === "string" && { timestamp }),
    ...(typeof now === "string" && { now }),
    ...(typeof heard === "boolean" && { heard }),
    ...(typeof breaks === "number" && { breaks }),
  };
}

/** What a message is; null where its type is none of the services'. Pure. */
export function narrowed(message: Message): KnownMessage | null {
  const { type, cursor } = message;
  if (!isKnown(type)) return null;
  const name = DATA_BY_TYPE[type];
  const about = cursor === undefined ? { type } : { type, cursor };
  // The only cast of a message. It holds because type and definition are from one table.
  return (name === null ? about : { ...about, data: partOf(name, message.data) }) as KnownMessage;
}

function isKnown(type: string): type is keyof typeof DATA_BY_TYPE {
  return Object.hasOwn(DATA_BY_TYPE, type);
}
