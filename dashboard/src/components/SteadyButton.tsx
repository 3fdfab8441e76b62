import { type ComponentProps, type MouseEvent, useLayoutEffect, useRef } from "react";

/** Milliseconds for which a button does nothing after others have changed what it does. */
export const SETTLES = 500;
/** Milliseconds within which a change is that of who has pressed it here. */
const OWN = 1_000;

interface SteadyButtonProps extends Omit<ComponentProps<"button">, "type" | "onClick"> {
  /** Tells what it does from what it did before. */
  readonly does: string;
  readonly onPress: () => void;
}

/**
 * A button of which others, too, change what it does. A click does what was on it when it was pressed;
 * one that comes just after the change was meant for what was there before, and does nothing.
 */
export function SteadyButton({ does, onPress, children, ...others }: SteadyButtonProps) {
  const shown = useRef(does);
  const settledAt = useRef(Number.NEGATIVE_INFINITY);
  const actedAt = useRef(Number.NEGATIVE_INFINITY);
  const pressed = useRef<() => void>(null);
  const button = useRef<HTMLButtonElement>(null);

  useLayoutEffect(() => {
    if (shown.current === does) return;
    shown.current = does;
    const now = performance.now();
    const isOwn = now - actedAt.current <= OWN;
    // The next change is somebody else's.
    actedAt.current = Number.NEGATIVE_INFINITY;
    if (isOwn) return;
    settledAt.current = now + SETTLES;
    const { current } = button;
    current?.setAttribute("aria-disabled", "true");
    const enable = () => current?.removeAttribute("aria-disabled");
    const settled = setTimeout(enable, SETTLES);
    return () => {
      clearTimeout(settled);
      enable();
    };
  }, [does]);

  const meant = () => (performance.now() < settledAt.current ? nothing : onPress);
  const click = ({ detail }: MouseEvent) => {
    // By a key, there was no pointer that was pressed.
    const act = (detail > 0 && pressed.current) || meant();
    pressed.current = null;
    if (act === nothing) return;
    actedAt.current = performance.now();
    act();
  };
  return (
    <button
      ref={button}
      type="button"
      onPointerDown={() => {
        pressed.current = meant();
      }}
      onClick={click}
      {...others}
    >
      {children}
    </button>
  );
}

function nothing(): void {}
