import { useCameras, useEvent } from "@hsi/realtime";
import { ChevronLeft, ChevronRight, type LucideIcon, X } from "lucide-react";
import { useEffect, useId, useLayoutEffect, useRef } from "react";
import { shortened } from "../../eventFacts";
import { spoken } from "../../format";
import { texts } from "../../texts";
import { Empty, Failure } from "../parts";
import { EventDetails } from "./EventDetails";
import { RawMessage } from "./RawMessage";
import { useLeaveEvent, useOpenInstead } from "./usePlace";

const words = texts.events.one;

interface Props {
  readonly cursor: string;
  /** Whether somebody has to sign in first: then the prompt for that is on top. */
  readonly isSignedOut: boolean;
}

/** An event over the page that it was opened from; on a phone, all of the screen. */
export default function EventPanel({ cursor, isSignedOut }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const leave = useLeaveEvent();
  const open = useOpenInstead();
  const { event, message, previous, next, missing, isLoading, error } = useEvent(cursor);
  const { cameras } = useCameras();
  const id = useId();

  useLayoutEffect(() => {
    const element = dialog.current;
    if (isSignedOut) element?.show();
    else element?.showModal();
    // Closed before it is taken away, the focus goes back to what opened it.
    return () => element?.close();
  }, [isSignedOut]);

  const cameraId = event?.cameraId ?? null;
  const listed = cameras.find((camera) => camera.id === cameraId);
  const camera =
    cameraId === null ? texts.dashboard.activity.unknownCamera : spoken(listed?.name ?? cameraId);

  // Of the document: who clicks on a word has the focus nowhere.
  useEffect(() => {
    const onKeyDown = ({ key, altKey, ctrlKey, metaKey, shiftKey, target }: KeyboardEvent) => {
      if (altKey || ctrlKey || metaKey || shiftKey) return;
      // There, the arrows have a meaning of their own.
      if (target instanceof Element && target.closest("video, pre, input, select")) return;
      const other = key === "ArrowLeft" ? previous : key === "ArrowRight" ? next : null;
      if (other !== null) open(other);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [previous, next, open]);

  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      closedby="any"
      onClose={({ currentTarget }) => {
        // It may have been opened again meanwhile, in another way.
        if (!currentTarget.open) leave();
      }}
      className="fixed inset-y-0 right-0 left-auto z-30 m-0 h-dvh max-h-none w-screen max-w-none overflow-y-auto overscroll-contain border-line bg-card text-ink backdrop:bg-black/60 sm:w-[min(36rem,100vw)] sm:border-l"
    >
      <div className="sticky top-0 z-10 flex items-center gap-1 border-line border-b bg-card px-2 py-2 sm:px-3">
        <button
          type="button"
          onClick={() => dialog.current?.close()}
          aria-label={words.close}
          className="rounded p-2 text-muted hover:bg-raised hover:text-ink"
        >
          <X aria-hidden className="size-5" />
        </button>
        <p className="min-w-0 flex-1 truncate font-semibold">
          <bdi>{event ? camera : words.name}</bdi>
        </p>
        <Neighbour
          cursor={previous}
          open={open}
          name={previous === null ? words.noOlder : words.olderOf(camera)}
          text={words.older}
          keys="ArrowLeft"
          Icon={ChevronLeft}
        />
        <Neighbour
          cursor={next}
          open={open}
          name={next === null ? words.noNewer : words.newerOf(camera)}
          text={words.newer}
          keys="ArrowRight"
          Icon={ChevronRight}
        />
      </div>
      <div className="flex flex-col gap-4 p-4 sm:p-5">
        {/* Who goes on to another event stays where they are: they are told which one it is. */}
        <p role="status" className="sr-only">
          {event && shortened(event.summary)}
        </p>
        {!event && (
          <h2 id={id} className="sr-only">
            {words.name}
          </h2>
        )}
        {missing !== null && event && <Failure what={words.missingButKnown} why={missing} />}
        {missing !== null && !event && <Empty title={words.missing}>{words.missingWhy}</Empty>}
        {error?.status === 401 && <Empty title={words.signedOut}>{words.signedOutWhy}</Empty>}
        {error?.status === 400 && <Empty title={words.odd}>{words.oddWhy}</Empty>}
        {error && error.status !== 401 && error.status !== 400 && (
          <Failure what={words.failed} why={error.message} />
        )}
        {isLoading && !event && !error && <Empty title={words.loading} />}
        {event && (
          // Another event is another part: what was opened or copied was of the one before.
          <EventDetails key={event.key} id={id} event={event} message={message} camera={camera} />
        )}
        {message !== null && !event && <Empty title={words.notAnEvent} />}
        {message !== null && <RawMessage key={`message of ${cursor}`} message={message} />}
      </div>
    </dialog>
  );
}

interface NeighbourProps {
  /** Null where there is none. */
  readonly cursor: string | null;
  readonly open: (cursor: string) => void;
  readonly name: string;
  readonly text: string;
  readonly keys: string;
  readonly Icon: LucideIcon;
}

/** The event before or after this one of the same camera. */
function Neighbour({ cursor, open, name, text, keys, Icon }: NeighbourProps) {
  const isOlder = Icon === ChevronLeft;
  return (
    <button
      type="button"
      // Not `disabled`: at the last one, the focus has to stay where it is.
      aria-disabled={cursor === null}
      aria-label={name}
      aria-keyshortcuts={keys}
      title={name}
      onClick={() => cursor !== null && open(cursor)}
      className="flex items-center gap-1 rounded border border-line px-2 py-1.5 text-sm hover:bg-raised aria-disabled:cursor-default aria-disabled:border-transparent aria-disabled:bg-transparent aria-disabled:text-muted"
    >
      {isOlder && <Icon aria-hidden className="size-4" />}
      <span aria-hidden>{text}</span>
      {!isOlder && <Icon aria-hidden className="size-4" />}
    </button>
  );
}
