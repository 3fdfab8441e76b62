import { fieldsOf } from "./conform.ts";
import type { StreamContext } from "./stream.ts";
import { addressOf, isTrusted } from "./urls.ts";

/** Milliseconds that an answer may take. */
const TIMEOUT = 10_000;

/** A service answered with something else than what was asked for, or not at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; null if there was no answer. */
  readonly status: number | null;

  constructor(message: string, status: number | null) {
    super(message);
    this.status = status;
  }
}

/**
 * Get what a path under /api has.
 *
 * @param read Makes of the answer's body what was asked for; null if it is something else.
 * @throws ApiError with words for a person. A 401 asks the person who they are, too.
 */
export async function getJson<T>(
  path: string,
  { base, credentials, logger }: StreamContext,
  read: (body: unknown) => T | null,
): Promise<T> {
  const address = addressOf(path, base());
  const { attempt } = credentials;
  const { key } = credentials.get();
  let response: Response;
  try {
    response = await fetch(address.href, {
      headers: isTrusted(address, base()) ? credentials.headers : {},
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (error) {
    logger.warn(`${address.origin}${address.pathname}: no answer`, error);
    throw new ApiError(`No answer: ${error instanceof Error ? error.message : error}`, null);
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) {
    const found = read(body);
    if (found !== null) return found;
  }
  const { detail } = fieldsOf(body);
  const reason = typeof detail === "string" ? detail : `HTTP ${response.status}`;
  logger.warn(`${address.origin}${address.pathname}: ${reason}`);
  if (response.status === 401) {
    credentials.refuse(
      attempt,
      key === null ? "This home asks for an API key." : "This key was refused.",
    );
  }
  throw new ApiError(reason, response.status);
}
