import type { SecurityEvent } from "@hsi/realtime";
import { useState } from "react";
import { mediaOf } from "../../media";

/** A small picture of an event, loaded once it is near; nothing where there is none, or it is broken. */
export function Thumbnail({ event, className }: { event: SecurityEvent; className: string }) {
  const { image } = mediaOf(event, new URL(location.href));
  return image === null ? null : <Small key={image} image={image} className={className} />;
}

function Small({ image, className }: { image: string; className: string }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return null;
  // As large as there is room, and not as the picture is.
  return (
    <div className={`relative min-h-14 shrink-0 overflow-hidden rounded ${className}`}>
      {/* The summary beside it says what is seen. */}
      <img
        src={image}
        alt=""
        loading="lazy"
        decoding="async"
        referrerPolicy="no-referrer"
        onError={() => setBroken(true)}
        className="absolute size-full object-cover"
      />
    </div>
  );
}
