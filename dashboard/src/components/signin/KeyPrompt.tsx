import { Credentials } from "@hsi/realtime";
import { KeyRound } from "lucide-react";
import { type FormEvent, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { type SignIn, wordsOf } from "../../signin/signIn";
import { texts } from "../../texts";
import { DIALOG, FIELD, MAIN_BUTTON, TITLE } from "./classes";
import { useSignIn } from "./useSignIn";

const words = texts.page.signIn;

/** Asks for a key while nobody is signed in, says why, and keeps nothing of it. */
export default function KeyPrompt({ signIn }: { signIn: SignIn }) {
  const state = useSignIn(signIn);
  const dialog = useRef<HTMLDialogElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();

  useEffect(() => {
    // By the object: the same reason again is a new question.
    if (state.phase === "out" && !dialog.current?.open) dialog.current?.showModal();
  }, [state]);
  useLayoutEffect(() => {
    const shown = dialog.current;
    return () => shown?.close(); // The focus goes back to where it was.
  }, []);

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
          {words.title}
        </h2>
        <p id={`${id}-why`} role="alert" className="text-sm">
          {fault ?? (state.phase === "out" && state.why)}
        </p>
        <label className="flex flex-col gap-1 text-muted text-sm">
          {words.key}
          <input
            name="key"
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            aria-describedby={`${id}-why`}
            aria-invalid={fault !== null}
            className={`font-mono text-base ${FIELD}`}
          />
        </label>
        <p className="text-muted text-xs">
          <code className="font-mono">hsi keys new</code> {words.how}
        </p>
        <button type="submit" disabled={busy} className={MAIN_BUTTON}>
          {busy ? words.busy : words.title}
        </button>
      </form>
    </dialog>
  );
}
