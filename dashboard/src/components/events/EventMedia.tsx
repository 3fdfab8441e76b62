import type { SecurityEvent } from "@hsi/realtime";
import { ImageOff } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { mediaOf } from "../../media";
import { texts } from "../../texts";

const { media } = texts.events;

/** The picture or the clip of an event; nothing where it has none, and words where one is broken. */
export function EventMedia({ event }: { event: SecurityEvent }) {
  const { image, clip, isOdd } = mediaOf(event, new URL(location.href));
  const picture = image !== null && (
    <Loaded key={image} address={image} broken={media.brokenPicture}>
      {(onError) => (
        <img
          src={image}
          alt={media.pictureOf(event.summary)}
          decoding="async"
          referrerPolicy="no-referrer"
          onError={onError}
          className={FRAME}
        />
      )}
    </Loaded>
  );
  return (
    <>
      {clip === null && picture}
      {clip !== null && (
        <Loaded key={clip} address={clip} broken={media.brokenClip} instead={picture}>
          {(onError) => (
            <video
              // It begins to load before it is in the page, and React tells of no error until then.
              ref={(video) => {
                if (video?.error) onError();
              }}
              controls
              playsInline
              preload="metadata"
              src={clip}
              poster={image ?? undefined}
              aria-label={media.clip}
              onError={onError}
              className={FRAME}
            >
              {/* Cameras write no captions; what is seen stands in the summary. */}
              <track kind="captions" />
            </video>
          )}
        </Loaded>
      )}
      {isOdd && <Broken words={media.odd} />}
    </>
  );
}

const FRAME = "aspect-video w-full rounded-lg border border-line bg-ground object-contain";

interface LoadedProps {
  readonly address: string;
  /** What is said where it is broken, and what is shown then. */
  readonly broken: string;
  readonly instead?: ReactNode;
  readonly children: (onError: () => void) => ReactNode;
}

function Loaded({ address, broken, instead, children }: LoadedProps) {
  const [isBroken, setBroken] = useState(false);
  const isBlocked = useBlocked(address);
  if (!isBlocked && !isBroken) return children(() => setBroken(true));
  return (
    <>
      {instead}
      <Broken words={isBlocked ? media.blocked(new URL(address).origin) : broken} />
    </>
  );
}

/** Whether the page's policy does not allow its origin. */
function useBlocked(address: string): boolean {
  const [isBlocked, setBlocked] = useState(false);
  useEffect(() => {
    const { origin } = new URL(address);
    const note = ({ blockedURI }: SecurityPolicyViolationEvent) => {
      if (URL.canParse(blockedURI) && new URL(blockedURI).origin === origin) setBlocked(true);
    };
    document.addEventListener("securitypolicyviolation", note);
    return () => document.removeEventListener("securitypolicyviolation", note);
  }, [address]);
  return isBlocked;
}

function Broken({ words }: { words: string }) {
  return (
    <p
      role="status"
      className="flex items-center gap-2 rounded-lg border border-line border-dashed p-3 text-muted text-sm"
    >
      <ImageOff aria-hidden className="size-5 shrink-0" />
      <span className="min-w-0 [overflow-wrap:anywhere]">{words}</span>
    </p>
  );
}
