import { Smartphone } from "lucide-react";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { useUptime } from "../../clock";
import { home } from "../../home";
import {
  countdown,
  type Invite,
  inviteLink,
  isLoopback,
  SCOPE_WORDS,
  type Scope,
  scopeWords,
} from "../../signin/session";
import { type SignIn, wordsOf } from "../../signin/signIn";
import { texts } from "../../texts";
import { Failure } from "../parts";
import { CopyField } from "./CopyField";
import { BUTTON, DIALOG, MAIN_BUTTON, TITLE } from "./classes";
import { QrCode } from "./QrCode";

const words = texts.page.invite;

interface InviteDialogProps {
  readonly signIn: SignIn;
  /** Those that may be given, the least first. */
  readonly scopes: readonly Scope[];
  readonly onClose: () => void;
}

/** Makes an invite, and shows it for as long as it is valid. */
export default function InviteDialog({ signIn, scopes, onClose }: InviteDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [invite, setInvite] = useState<Invite | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const left = (invite?.expiresAt ?? 0) - useUptime();
  const id = useId();

  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);

  const make = async (scope: Scope) => {
    setBusy(true);
    setFault(null);
    try {
      setInvite(await signIn.invite(scope));
    } catch (error) {
      setFault(wordsOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose} className={DIALOG}>
      <div className="flex flex-col gap-4 text-sm">
        <h2 id={id} className={TITLE}>
          <Smartphone aria-hidden className="size-5 text-good" />
          {texts.page.signIn.letIn}
        </h2>
        {isLoopback(location.hostname) && (
          <Failure what={words.thisMachineOnly} why={words.thisMachineOnlyWhy} />
        )}
        {invite && left > 0 ? (
          <Shown invite={invite} left={left} />
        ) : (
          <>
            {invite && <p role="status">{words.expired}</p>}
            <Choice scopes={scopes} busy={busy} make={make} />
          </>
        )}
        {fault && <Failure what={words.fault} why={fault} />}
        <button type="button" onClick={() => dialog.current?.close()} className={BUTTON}>
          {words.close}
        </button>
      </div>
    </dialog>
  );
}

interface ChoiceProps {
  readonly scopes: readonly Scope[];
  readonly busy: boolean;
  readonly make: (scope: Scope) => void;
}

/** What the phone is to be allowed. */
function Choice({ scopes, busy, make }: ChoiceProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const chosen = new FormData(event.currentTarget).get("scope");
    make(scopes.find((scope) => scope === chosen) ?? "read");
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <p>{words.explained}</p>
      {scopes.length > 1 && (
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-2 text-muted">{words.phone}</legend>
          {scopes.map((scope, index) => (
            <label key={scope} className="flex items-center gap-2">
              <input type="radio" name="scope" value={scope} defaultChecked={index === 0} />
              {SCOPE_WORDS[scope]}
            </label>
          ))}
        </fieldset>
      )}
      <button type="submit" disabled={busy} className={MAIN_BUTTON}>
        {busy ? words.making : words.make}
      </button>
    </form>
  );
}

function Shown({ invite, left }: { invite: Invite; left: number }) {
  const link = inviteLink(invite.code, home());
  return (
    <>
      <p>{words.scan(scopeWords(invite.scope))}</p>
      <div className="flex justify-center">
        <QrCode text={link} label={words.qrCode} />
      </div>
      <CopyField name={words.link} text={link} />
      <p className="text-muted">
        {words.validFor}{" "}
        <span role="timer" className="figure font-semibold text-ink">
          {countdown(left)}
        </span>
      </p>
    </>
  );
}
