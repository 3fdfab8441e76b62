import { type Grip, gripped, moved, type Span, zoomed } from "../../chartSpan";

/** What a person does to a chart's stretch of time. */
export interface TimeControl {
  /** What is seen now, and what there is. */
  readonly span: () => Span;
  readonly bounds: () => Span;
  readonly change: (span: Span) => void;
  /** Back to all of the range, following what is new. */
  readonly reset: () => void;
}

/** Pixels that a mouse has to be dragged for more than a click. */
const CLICK = 6;
/** How much a wheel's pixel zooms: a notch of 100 shows half as much again. */
const WHEEL = 0.004;
const WHEEL_LINE = 16;
/** How much a key moves, as a part of what is seen, and how much it zooms. */
const KEY_MOVE = 0.2;
const KEY_ZOOM = 0.5;

interface Drag {
  readonly from: number;
  /** Where the span was when it began to be moved; null while a stretch is being selected. */
  readonly moves: Grip | null;
}

/**
 * Have a mouse select, move and zoom, and fingers move and pinch, what an element shows from its left
 * to its right. A wheel alone, and a finger up or down, scroll the page as ever.
 *
 * @param select Shows what is being selected, in the element's pixels; null: nothing any more.
 * @returns Ends it.
 */
export function attachGestures(
  element: HTMLElement,
  control: TimeControl,
  select: (stretch: { readonly left: number; readonly width: number } | null) => void,
): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  const fingers = new Map<number, Grip>();
  let drag: Drag | null = null;

  const pixelOf = ({ clientX }: MouseEvent) => clientX - element.getBoundingClientRect().left;
  const placeOf = (event: MouseEvent) => pixelOf(event) / element.clientWidth;
  const timeAt = (place: number) => {
    const { from, to } = control.span();
    return from + place * (to - from);
  };
  const gripOf = (event: MouseEvent): Grip => ({
    place: placeOf(event),
    time: timeAt(placeOf(event)),
  });
  const hold = (grips: readonly Grip[]) =>
    control.change(gripped(control.span(), grips, control.bounds()));

  const down = (event: PointerEvent) => {
    if (event.pointerType === "touch") {
      // Each finger holds the moment that is under it now.
      for (const [id, { place }] of fingers) fingers.set(id, { place, time: timeAt(place) });
      fingers.set(event.pointerId, gripOf(event));
    } else if (event.button === 0) {
      drag = { from: pixelOf(event), moves: event.shiftKey ? gripOf(event) : null };
      element.setPointerCapture(event.pointerId);
    }
  };

  const move = (event: PointerEvent) => {
    const finger = fingers.get(event.pointerId);
    if (finger) {
      fingers.set(event.pointerId, { ...finger, place: placeOf(event) });
      hold([...fingers.values()]);
    } else if (drag?.moves) {
      hold([{ ...drag.moves, place: placeOf(event) }]);
    } else if (drag) {
      select(stretchOf(drag.from, event));
    }
  };

  const stretchOf = (from: number, event: MouseEvent) => {
    const to = Math.min(Math.max(pixelOf(event), 0), element.clientWidth);
    return { left: Math.min(from, to), width: Math.abs(to - from) };
  };

  const up = (event: PointerEvent) => {
    if (drag && !drag.moves) {
      const { left, width } = stretchOf(drag.from, event);
      select(null);
      if (width > CLICK) {
        const whole = element.clientWidth;
        control.change({ from: timeAt(left / whole), to: timeAt((left + width) / whole) });
      }
    }
    cancel(event);
  };

  const cancel = ({ pointerId }: PointerEvent) => {
    if (drag) select(null);
    drag = null;
    fingers.delete(pointerId);
    for (const [id, { place }] of fingers) fingers.set(id, { place, time: timeAt(place) });
  };

  const wheel = (event: WheelEvent) => {
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE : 1;
    const isAcross = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const span = control.span();
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(event.deltaY * unit * WHEEL);
      control.change(zoomed(span, factor, timeAt(placeOf(event)), control.bounds()));
    } else if (isAcross || event.shiftKey) {
      const pixels = (isAcross ? event.deltaX : event.deltaY) * unit;
      const by = (pixels / element.clientWidth) * (span.to - span.from);
      control.change(moved(span, by, control.bounds()));
    } else {
      return;
    }
    event.preventDefault();
  };

  element.addEventListener("pointerdown", down, { signal });
  element.addEventListener("pointermove", move, { signal });
  element.addEventListener("pointerup", up, { signal });
  element.addEventListener("pointercancel", cancel, { signal });
  element.addEventListener("dblclick", () => control.reset(), { signal });
  element.addEventListener("wheel", wheel, { signal, passive: false });
  return () => ending.abort();
}

/** What a key does: true if it does something. */
export function pressed(key: string, control: TimeControl): boolean {
  const span = control.span();
  const length = span.to - span.from;
  const middle = span.from + length / 2;
  switch (key) {
    case "ArrowLeft":
    case "ArrowRight": {
      const way = key === "ArrowLeft" ? -1 : 1;
      control.change(moved(span, way * KEY_MOVE * length, control.bounds()));
      return true;
    }
    case "+":
    case "=":
      control.change(zoomed(span, KEY_ZOOM, middle, control.bounds()));
      return true;
    case "-":
    case "_":
      control.change(zoomed(span, 1 / KEY_ZOOM, middle, control.bounds()));
      return true;
    case "Home":
      control.reset();
      return true;
    default:
      return false;
  }
}
