/** What happens to connections and messages, for who looks for a fault; `console` is one. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

const nothing = () => {};

/** Says nothing; but what a listener throws is reported, as if nobody had caught it. */
export const QUIET_LOGGER: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: (message, ...details) => reportError(details[0] ?? new Error(message)),
};
