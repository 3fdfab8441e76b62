import type { RiskLevel, SecurityEvent } from "@hsi/realtime";
import { type CameraNames, nameOf } from "../cameraNames";
import { eventPath } from "../eventPath";
import { levelOf } from "../homeVerdict";
import { texts } from "../texts";
import type { Told } from "../worker/notification";
import { countedOf } from "./counted";
import { NewsDesk } from "./news";
import { type Choice, isTold } from "./rules";

/** Milliseconds without another late event before they are told together. */
const SETTLED = 2_000;
/** Milliseconds that a tab which may not sound leaves to one that may. */
const AFTER_YOU = 200;

interface Surroundings {
  readonly choice: () => Choice;
  /** What cameras are called, as far as that is known. */
  readonly names: () => CameraNames;
  /** Claim something of all tabs; see Claims. */
  readonly claim: (about: string) => Promise<boolean>;
  readonly notify: (
    told: Told,
    how: { readonly isSilent: boolean; readonly isAgain: boolean },
  ) => Promise<void>;
  readonly sound: {
    readonly isBlocked: () => boolean;
    readonly play: (level: RiskLevel) => Promise<boolean>;
  };
}

/**
 * Tells a person what this page hears, hidden or not.
 *
 * Of several tabs one tells an event, once, and again where it got worse. What came late, as after
 * a night in which the machine slept, is told in one sentence.
 */
export class Teller {
  readonly #around: Surroundings;
  /** When the page was opened, by `performance.now()`. */
  readonly #openedAt = performance.now();
  #desk: NewsDesk | null = null;
  readonly #late: SecurityEvent[] = [];
  #summary: ReturnType<typeof setTimeout> | undefined;
  /** What came before the services' first word of the time. */
  #early: SecurityEvent[] = [];

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Take an event that was heard; `ahead`: by how much the services' clock is ahead. */
  readonly hear = (event: SecurityEvent, ahead: number | null): void => {
    const moment = Date.now();
    const now = moment + (ahead ?? 0);
    if (ahead === null && !event.isNew) {
      this.#early.push(event);
      return;
    }
    const desk = this.#deskAt(now);
    const news = desk.take(event, now);
    if (news === "old") return;
    if (!isTold(event, this.#around.choice(), moment)) return;
    if (news === "late") this.#addLate(event);
    else void this.#tell(event, news === "worse");
  };

  #deskAt(now: number): NewsDesk {
    if (this.#desk) return this.#desk;
    this.#desk = new NewsDesk(now - (performance.now() - this.#openedAt));
    for (const event of this.#early) this.#desk.remember(event);
    this.#early = [];
    return this.#desk;
  }

  async #tell(event: SecurityEvent, isAgain: boolean): Promise<void> {
    const level = levelOf(event);
    await this.#say(
      `${event.identity} ${level}`,
      toldOf(event, this.#around.names()),
      level,
      isAgain,
    );
  }

  #addLate(event: SecurityEvent): void {
    this.#late.push(event);
    clearTimeout(this.#summary);
    this.#summary = setTimeout(() => void this.#tellLate(), SETTLED);
  }

  async #tellLate(): Promise<void> {
    const late = this.#late.splice(0);
    const { count, level } = countedOf(late, this.#around.choice());
    const latest = late.at(-1);
    if (!latest || level === null) return;
    const told: Told = {
      title: texts.page.name,
      body: texts.told.whileAway(count),
      tag: "hsi.away",
      url: "/events",
      level: null,
    };
    // All tabs of a machine wake together, and hear the same one last.
    await this.#say(`away ${latest.identity}`, told, level, true);
  }

  async #say(about: string, told: Told, level: RiskLevel, isAgain: boolean): Promise<void> {
    const { choice, claim, notify, sound } = this.#around;
    const { notifies, sounds } = choice();
    if (!notifies && !sounds) return;
    if (sounds && sound.isBlocked()) await pause(AFTER_YOU);
    if (!(await claim(about))) return;
    const hasSounded = sounds && (await sound.play(level));
    // Two sounds are one too many; where the page may make none, the browser's own is welcome.
    if (notifies) await notify(told, { isSilent: hasSounded || !sounds, isAgain });
  }
}

/** How an event is told. */
export function toldOf(event: SecurityEvent, names: CameraNames): Told {
  const level = levelOf(event);
  const { cameraId, summary, identity, key } = event;
  const words = texts.told.levels[level];
  return {
    title: cameraId === null ? words : texts.told.atCamera(words, nameOf(cameraId, names)),
    body: summary,
    tag: identity,
    url: eventPath(key),
    level,
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
