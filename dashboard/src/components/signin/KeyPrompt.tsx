import { Credentials } from "@hsi/realtime";
import { KeyRound } from "lucide-react";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { type SignIn, wordsOf } from "../../signin/signIn";
import { DIALOG, FIELD, MAIN_BUTTON, TITLE } from "./classes";
import { useSignIn } from "./useSignIn";

/** Asks for a key while nobody is signed in, says why, and keeps nothing of it. */
export function KeyPrompt({ signIn }: { signIn: SignIn }) {
  const state = useSignIn(signIn);
  const dialog = useRef<HTMLDialogElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();

  useEffect(() => {
    // By the object: the same reason again is a new question.
    if (state.phase !== "out") dialog.current?.close();
    else if (!dialog.current?.open) dialog.current?.showModal();
  }, [state]);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const key = String(new FormData(form).get("key") ?? "").trim();
    const found = Credentials.fault(key);
    setFault(found);
    if (found || busy) return;
    form.reset();
    setBusy(true);
    try {
      await signIn.signIn(key);
    } catch (error) {
      setFault(wordsOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      onClose={() => setFault(null)}
      className={DIALOG}
    >
      <form onSubmit={submit} className="flex flex-col gap-4">
        <h2 id={`${id}-title`} className={TITLE}>
          <KeyRound aria-hidden className="size-5 text-good" />
          Sign in
        </h2>
        <p id={`${id}-why`} role="alert" className="text-sm">
          {fault ?? (state.phase === "out" && state.why)}
        </p>
        <label className="flex flex-col gap-1 text-muted text-sm">
          Key
          <input
            name="key"
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            aria-describedby={`${id}-why`}
            aria-invalid={fault !== null}
            className={`text-base ${FIELD}`}
          />
        </label>
        <p className="text-muted text-xs">
          <code className="font-mono">hsi keys new</code> makes one. It is sent once, and this page
          keeps nothing of it: this browser stays signed in for 30 days. Or be let in by a browser
          that is: “Let a phone in”.
        </p>
        <button type="submit" disabled={busy} className={MAIN_BUTTON}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </dialog>
  );
}
