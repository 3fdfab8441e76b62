import { fieldsOf } from "./conform.ts";
import type { StreamContext } from "./stream.ts";
import { isUnanswered } from "./unanswered.ts";
import { addressOf, isTrusted } from "./urls.ts";

/** Milliseconds that an answer may take. */
const TIMEOUT = 10_000;

const OF_ANOTHER = "Something in front of this home wants you to sign in again";

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
 * Get what a path under /api has; with another method, change it.
 *
 * @param read Makes of the answer's body what was asked for; null if it is something else.
 * @throws ApiError with words for a person. A 401 asks the person who they are, too.
 */
export async function getJson<T>(
  path: string,
  { base, credentials, logger, interception, unanswered }: StreamContext,
  read: (body: unknown) => T | null,
  method: "GET" | "POST" | "DELETE" = "GET",
): Promise<T> {
  const address = addressOf(path, base());
  const note = (wasAnswered: boolean) => {
    if (method === "GET") unanswered.note(path, wasAnswered);
  };
  const { attempt } = credentials;
  const { key } = credentials.get();
  let response: Response;
  try {
    response = await fetch(address.href, {
      method,
      headers: isTrusted(address, base()) ? credentials.headers : {},
      // A login that wants the browser elsewhere is no answer, and most are of another origin.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (error) {
    logger.warn(`${address.origin}${address.pathname}: no answer`, error);
    note(false);
    throw new ApiError(`No answer: ${error instanceof Error ? error.message : error}`, null);
  }
  if (interception.note(response)) {
    logger.warn(`${address.origin}${address.pathname}: ${OF_ANOTHER}`);
    // Of no service: what a 401 of theirs means does not apply.
    throw new ApiError(OF_ANOTHER, null);
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) {
    const found = read(body);
    if (found !== null) {
      note(true);
      return found;
    }
  }
  const { detail } = fieldsOf(body);
  const reason = typeof detail === "string" ? detail : `HTTP ${response.status}`;
  logger.warn(`${address.origin}${address.pathname}: ${reason}`);
  note(!isUnanswered(response.status, reason));
  if (response.status === 401) {
    credentials.refuse(
      attempt,
      key === null ? "This home asks for an API key." : "This key was refused.",
    );
  }
  throw new ApiError(reason, response.status);
}
