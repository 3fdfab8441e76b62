import { CircleUser, LogOut, Smartphone } from "lucide-react";
import { lazy, Suspense, useId, useRef, useState } from "react";
import { dateAndClock, isolated } from "../../format";
import { type Session, scopesWithin, scopeWords } from "../../signin/session";
import { type SignIn, wordsOf } from "../../signin/signIn";
import { texts } from "../../texts";
import { Boundary } from "../Boundary";
import { Failure } from "../parts";
import { BUTTON } from "./classes";
import { useSignIn } from "./useSignIn";

const words = texts.page.signIn;

const InviteDialog = lazy(() => import("./InviteDialog"));

/** Who is signed in, and what they can do about that; nothing where nobody is. */
export function Account({ signIn }: { signIn: SignIn }) {
  const state = useSignIn(signIn);
  return state.phase === "in" && <Menu signIn={signIn} session={state.session} />;
}

function Menu({ signIn, session }: { signIn: SignIn; session: Session }) {
  const { name, scope, expiresAt } = session;
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [inviting, setInviting] = useState(false);
  const [fault, setFault] = useState<string | null>(null);

  const signOut = async () => {
    setFault(null);
    await signIn.signOut().catch((error: unknown) => setFault(wordsOf(error)));
  };
  const endInviting = () => {
    setInviting(false);
    button.current?.focus();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        popoverTarget={id}
        aria-label={words.accountOf(isolated(name))}
        className="flex min-w-0 items-center gap-2 rounded p-1.5 text-muted text-sm hover:text-ink"
      >
        <CircleUser aria-hidden className="size-5 shrink-0" />
        <bdi className="truncate max-sm:hidden">{name}</bdi>
      </button>
      <section
        id={id}
        popover="auto"
        aria-label={words.account}
        className="inset-auto top-12 right-2 w-72 max-w-[calc(100vw-1rem)] rounded-xl border border-line bg-card p-4 text-ink"
      >
        <div className="flex flex-col gap-3 text-sm">
          <p>
            <strong className="block truncate font-semibold">
              <bdi>{name}</bdi>
            </strong>
            {scopeWords(scope)}
            {expiresAt !== null && (
              <span className="block text-muted">{words.until(dateAndClock(expiresAt))}</span>
            )}
          </p>
          {scopesWithin(scope).length > 0 && (
            <button
              type="button"
              popoverTarget={id}
              popoverTargetAction="hide"
              onClick={() => setInviting(true)}
              className={BUTTON}
            >
              <Smartphone aria-hidden className="size-4" />
              {words.letIn}
            </button>
          )}
          <button type="button" onClick={signOut} aria-describedby={`${id}-out`} className={BUTTON}>
            <LogOut aria-hidden className="size-4" />
            {words.signOut}
          </button>
          <p id={`${id}-out`} className="text-muted text-xs">
            {words.signOutDetail}
          </p>
          {fault && <Failure what={words.stillIn} why={fault} />}
        </div>
      </section>
      {inviting && (
        <Boundary>
          <Suspense fallback={null}>
            <InviteDialog signIn={signIn} scopes={scopesWithin(scope)} onClose={endInviting} />
          </Suspense>
        </Boundary>
      )}
    </>
  );
}
