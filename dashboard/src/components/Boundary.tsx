import { Component, type ReactNode } from "react";
import { Failure } from "./parts";

/** Milliseconds after which a part is tried again: what it could not show is replaced by then. */
const TRY_AGAIN = 2_000;

interface Props {
  readonly children: ReactNode;
}

/** Keeps one part that cannot be shown from taking the page along, and shows it again once it can. */
export class Boundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };
  #again: ReturnType<typeof setTimeout> | undefined;

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidCatch(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.setState({ error: null }), TRY_AGAIN);
  }

  override componentWillUnmount(): void {
    clearTimeout(this.#again);
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? (
      <Failure what="This cannot be shown" why={error.message} />
    ) : (
      this.props.children
    );
  }
}
