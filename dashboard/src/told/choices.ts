import { read, write } from "../deviceStorage";
import { type Choice, choiceIn, written } from "./rules";

const KEY = "hsi.told";

/** What this device's person chose, the same in all of its tabs. */
export class Choices {
  #choice: Choice = choiceIn(read(KEY));
  readonly #listeners = new Set<() => void>();

  constructor() {
    addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== null) return;
      this.#choice = choiceIn(read(KEY));
      this.#tell();
    });
  }

  readonly get = (): Choice => this.#choice;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Choose something else of it. */
  change(changes: Partial<Choice>): void {
    this.#choice = { ...this.#choice, ...changes };
    write(KEY, written(this.#choice));
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
