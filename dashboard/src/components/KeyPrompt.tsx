import { Credentials, useCredentials } from "@hsi/realtime";
import { KeyRound } from "lucide-react";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";

/** Asks for the API key when a service wants one, and says why it asks again. */
export function KeyPrompt() {
  const { credentials, access } = useCredentials();
  const { refused } = access;
  const dialog = useRef<HTMLDialogElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  const id = useId();

  useEffect(() => {
    // By the object: the same reason again is a new refusal.
    if (access.refused === null) dialog.current?.close();
    else if (!dialog.current?.open) dialog.current?.showModal();
  }, [access]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get("key") ?? "").trim();
    const found = Credentials.fault(key);
    setFault(found);
    if (found) return;
    event.currentTarget.reset();
    credentials.use(key);
  };

  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      className="m-auto w-[min(26rem,calc(100vw-2rem))] rounded-xl border border-line bg-card p-6 text-ink backdrop:bg-black/70"
    >
      <form onSubmit={submit} className="flex flex-col gap-4">
        <h2 id={`${id}-title`} className="flex items-center gap-2 font-semibold text-lg">
          <KeyRound aria-hidden className="size-5 text-good" />
          API key
        </h2>
        <p id={`${id}-why`} role="alert" className="text-sm">
          {fault ?? refused}
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
            className="rounded border border-line bg-ground px-3 py-2 font-mono text-base text-ink"
          />
        </label>
        <p className="text-muted text-xs">
          <code className="font-mono">hsi keys new</code> makes one. It stays in this tab and is
          forgotten with it.
        </p>
        <button
          type="submit"
          className="rounded bg-good px-4 py-2 font-semibold text-ground hover:brightness-110"
        >
          Connect
        </button>
      </form>
    </dialog>
  );
}
