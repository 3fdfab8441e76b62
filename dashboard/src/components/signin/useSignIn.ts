import { useSyncExternalStore } from "react";
import type { SignIn, SignInState } from "../../signin/signIn";

/** How this browser stands with the home. */
export function useSignIn(signIn: SignIn): SignInState {
  return useSyncExternalStore(signIn.subscribe, signIn.get);
}
