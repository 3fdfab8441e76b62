import { type Credentials, credentials as pageCredentials } from "./credentials";

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
 * @throws ApiError with words for a person. A 401 asks for the API key, too.
 */
export async function getJson<T>(
  path: string,
  credentials: Credentials = pageCredentials,
): Promise<T> {
  const { key } = credentials.get();
  let response: Response;
  try {
    response = await fetch(path, {
      headers: credentials.headers,
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (error) {
    throw new ApiError(`No answer: ${error instanceof Error ? error.message : error}`, null);
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok && body !== null) return body as T;
  const detail = (Object(body) as { detail?: unknown }).detail;
  const reason = typeof detail === "string" ? detail : `HTTP ${response.status}`;
  if (response.status === 401) {
    credentials.refuse(
      key,
      key === null ? "This home asks for an API key." : "This key was refused.",
    );
  }
  throw new ApiError(reason, response.status);
}
