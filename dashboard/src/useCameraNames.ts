import { useCameras } from "@hsi/realtime";
import { useMemo } from "react";
import { type CameraNames, namesOf } from "./cameraNames";

/** What the home's cameras are called; nothing while nobody has told. */
export function useCameraNames(): CameraNames {
  const { cameras } = useCameras();
  return useMemo(() => namesOf(cameras), [cameras]);
}
