import { Component, type ReactNode } from "react";
import { texts } from "../texts";
import { Failure } from "./parts";

/** Milliseconds after which a part is tried again: what it could not show is replaced by then. */
const TRY_AGAIN = 2_000;

interface Props {
  readonly children: ReactNode;
}

/**
 * Keeps one part that cannot be shown from taking the page along, and shows it again once it can. Why
 * it cannot is nothing that its reader could act on: the console has it, from React.
 */
export class Boundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };
  #again: ReturnType<typeof setTimeout> | undefined;

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.setState({ failed: false }), TRY_AGAIN);
  }

  override componentWillUnmount(): void {
    clearTimeout(this.#again);
  }

  override render(): ReactNode {
    return this.state.failed ? (
      <Failure what={texts.page.cannotBeShown} why={texts.page.triedAgain} />
    ) : (
      this.props.children
    );
  }
}
