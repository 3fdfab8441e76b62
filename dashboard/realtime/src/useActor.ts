import { fieldsOf } from "./conform.ts";
import { useApi } from "./useApi.ts";

/** Who is signed in: as far as it matters for what they may do. */
interface Actor {
  readonly name: string;
  readonly mayAct: boolean;
}

const ACTING = new Set<unknown>(["act", "admin"]);
const NOBODY: Actor = { name: "", mayAct: false };

function actorOf(body: unknown): Actor | null {
  const { name, scope } = fieldsOf(body);
  return typeof name === "string" ? { name, mayAct: ACTING.has(scope) } : null;
}

/** Services of before know neither sessions nor marks. */
const nobody = () => NOBODY;

/** Who is signed in; null while that is not known. The one reader of `GET /api/session` here. */
export function useActor(): Actor | null {
  return useApi("/api/session", actorOf, { missing: nobody }).data ?? null;
}
