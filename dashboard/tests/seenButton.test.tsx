// @vitest-environment jsdom
import { ApiError, eventOf, useSeen } from "@hsi/realtime";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { SeenNote } from "../src/components/events/SeenNote";
import { SeenButton } from "../src/components/SeenButton";
import { SETTLES } from "../src/components/SteadyButton";

vi.mock("@hsi/realtime", async (original) => ({
  ...(await original<object>()),
  useSeen: vi.fn(),
}));

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const EVENT = eventOf({ event_id: 7, summary: "Person at the door" }, "1-1", 0);
const NOTHING: ReturnType<typeof useSeen> = {
  seenOf: () => null,
  knows: () => true,
  mark: () => Promise.resolve(),
  undo: () => Promise.resolve(),
  mayAct: true,
  error: null,
  refused: null,
  marks: new Map(),
};

function show(known: Partial<typeof NOTHING>, event = EVENT): void {
  vi.mocked(useSeen).mockReturnValue({ ...NOTHING, ...known });
  render(<SeenButton event={event} />);
}

test("who may act marks an event, and takes that back", () => {
  const [mark, undo] = [vi.fn(), vi.fn()];
  show({ mark });
  fireEvent.click(screen.getByRole("button", { name: "I have seen it: Person at the door" }));
  expect(mark).toHaveBeenCalledExactlyOnceWith(EVENT);
  cleanup();
  show({ undo, seenOf: () => ({ at: 0, by: "kitchen" }) });
  fireEvent.click(screen.getByRole("button", { name: "Undo: Person at the door" }));
  expect(undo).toHaveBeenCalledExactlyOnceWith(EVENT);
});

test("who may only look has no button, nor has an event that cannot be marked", () => {
  for (const mayAct of [false, null]) show({ mayAct });
  for (const key of ["heard-1", "stored-7"]) {
    show({}, eventOf({ event_id: 7, summary: "Person at the door" }, key, 0));
  }
  expect(screen.queryByRole("button")).toBeNull();
});

/** What the button does while the mark changes. */
function showChanging() {
  vi.useFakeTimers({ toFake: ["performance"] });
  const [mark, undo] = [vi.fn(), vi.fn()];
  const says = (by: string | null) =>
    vi.mocked(useSeen).mockReturnValue({
      ...NOTHING,
      mark,
      undo,
      seenOf: () => (by === null ? null : { at: 0, by }),
    });
  says("kitchen");
  const { rerender } = render(<SeenButton event={EVENT} />);
  const button = screen.getByRole("button");
  const change = (by: string | null) => {
    says(by);
    rerender(<SeenButton event={EVENT} />);
  };
  const click = () => {
    fireEvent.pointerDown(button);
    fireEvent.click(button, { detail: 1 });
  };
  return { mark, undo, button, change, click };
}

test("a click does what was on the button when it was pressed", () => {
  const { mark, undo, button, change } = showChanging();
  fireEvent.pointerDown(button);
  change(null);
  fireEvent.click(button, { detail: 1 });
  expect([undo.mock.calls.length, mark.mock.calls.length]).toEqual([1, 0]);
});

test("just after others have turned the button, a click on it does nothing, by a key neither", () => {
  const { mark, undo, button, change, click } = showChanging();
  change(null);
  click();
  fireEvent.click(button, { detail: 0 });
  expect([undo.mock.calls.length, mark.mock.calls.length]).toEqual([0, 0]);
  vi.advanceTimersByTime(SETTLES);
  click();
  expect(mark).toHaveBeenCalledOnce();
  // What somebody has turned themselves they can turn back at once.
  change("kitchen");
  click();
  expect(undo).toHaveBeenCalledOnce();
});

test("whether somebody has seen an event is said to be known, or not", () => {
  vi.mocked(useSeen).mockReturnValue(NOTHING);
  const { rerender } = render(<SeenNote event={EVENT} />);
  expect(screen.getByText("Nobody has seen it")).toBeDefined();
  vi.mocked(useSeen).mockReturnValue({ ...NOTHING, knows: () => false });
  rerender(<SeenNote event={EVENT} />);
  expect(screen.getByText("Not known yet whether somebody has seen it")).toBeDefined();
});

test("what was refused is said at its event, and can be tried again", () => {
  const retry = vi.fn(() => Promise.resolve());
  const error = new ApiError("Redis does not answer", 503);
  vi.mocked(useSeen).mockReturnValue({ ...NOTHING, error, refused: { event: EVENT, retry } });
  const { rerender } = render(<SeenNote event={EVENT} />);
  expect(screen.getByRole("alert").textContent).toBe("Not done: Redis does not answer");
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(retry).toHaveBeenCalledOnce();
  rerender(<SeenNote event={eventOf({ event_id: 8 }, "1-2", 0)} />);
  expect(screen.queryByRole("alert")).toBeNull();
});
