import type { RiskLevel } from "@hsi/realtime";
import { canvasColor, type ThemeColor } from "../theme";
import { badgeOf, type Counted } from "./counted";

const SIZE = 64;
const COLORS: Readonly<Record<RiskLevel, ThemeColor>> = {
  low: "good",
  medium: "data",
  high: "warn",
  critical: "bad",
};
/** On each of these colours, in the light theme and in the dark one. */
const TEXT = "black";

/** The page's icon in the tab, with a badge while something is unseen; and the installed app's. */
export class Icons {
  readonly #link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  readonly #plain = { href: this.#link?.href ?? "", type: this.#link?.type ?? "" };
  /** The latest that was asked for: drawing takes a moment. */
  #number = 0;

  /** Show what is unseen. */
  show(counted: Counted): void {
    this.#number += 1;
    showOnApp(counted.count);
    if (counted.level === null) this.#set(this.#plain);
    else void this.#draw(counted, counted.level, this.#number);
  }

  async #draw(counted: Counted, level: RiskLevel, number: number): Promise<void> {
    const image = new Image(SIZE, SIZE);
    image.src = this.#plain.href;
    try {
      await image.decode();
    } catch {
      return; // Without the icon there is nothing to put a badge on.
    }
    const canvas = document.createElement("canvas");
    canvas.width = SIZE;
    canvas.height = SIZE;
    const context = canvas.getContext("2d");
    if (!context || number !== this.#number) return;
    context.drawImage(image, 0, 0, SIZE, SIZE);
    drawBadge(context, badgeOf(counted), canvasColor(COLORS[level]));
    this.#set({ href: canvas.toDataURL("image/png"), type: "image/png" });
  }

  #set({ href, type }: { href: string; type: string }): void {
    if (this.#link && this.#link.href !== href) Object.assign(this.#link, { href, type });
  }
}

/** Written in the lower right, over half of the icon: it is shown at 16 pixels. */
function drawBadge(context: CanvasRenderingContext2D, text: string, color: string): void {
  const radius = SIZE * 0.3;
  const middle = SIZE - radius;
  context.fillStyle = color;
  context.beginPath();
  context.arc(middle, middle, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = TEXT;
  context.font = `bold ${text.length > 1 ? 26 : 34}px sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, middle, middle + 2);
}

/** Not every browser has badges of apps, and none needs them. */
function showOnApp(count: number): void {
  if (!("setAppBadge" in navigator)) return;
  const done = count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge();
  // Refused where it is not installed.
  done.catch(() => {});
}
