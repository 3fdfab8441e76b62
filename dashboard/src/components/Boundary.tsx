import { Component, type ReactNode } from "react";
import { Failure } from "./parts";

interface Props {
  readonly children: ReactNode;
  /** Shows the children again when it changes. */
  readonly resetKey?: unknown;
}

/** Keeps one part that cannot be shown from taking the page along. */
export class Boundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.error && before.resetKey !== this.props.resetKey) this.setState({ error: null });
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
