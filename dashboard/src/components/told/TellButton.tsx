import { Bell } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { texts } from "../../texts";
import type { Notifier } from "../../told/notifier";
import { Boundary } from "../Boundary";

const TellDialog = lazy(() => import("./TellDialog"));

/** Opens what a person chooses to be told of, and how. */
export function TellButton({ notifier }: { notifier: Notifier }) {
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        aria-label={texts.told.button}
        title={texts.told.button}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
        className="shrink-0 rounded p-1.5 text-muted hover:text-ink"
      >
        <Bell aria-hidden className="size-5" />
      </button>
      {isOpen && (
        <Boundary>
          <Suspense fallback={null}>
            <TellDialog notifier={notifier} onClose={close} />
          </Suspense>
        </Boundary>
      )}
    </>
  );
}
