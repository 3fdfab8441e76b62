import { beforeEach, expect, test, vi } from "vitest";
import { Observable } from "../src/observable";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["requestAnimationFrame", "setTimeout", "clearTimeout"] });
  return () => vi.useRealTimers();
});

class Light extends Observable<number> {
  readonly history: string[] = [];

  show(value: number): void {
    this.set(value);
  }

  protected override start(): void {
    this.history.push("start");
  }

  protected override end(): void {
    this.history.push("end");
  }
}

test("listeners are told once per frame, however often it changed", () => {
  const light = new Light(0);
  const told: number[] = [];
  light.subscribe(() => told.push(light.get()));
  for (let value = 1; value <= 1_000; value += 1) light.show(value);
  expect(light.get()).toBe(1_000);
  expect(told).toEqual([]);
  vi.advanceTimersToNextFrame();
  expect(told).toEqual([1_000]);
  vi.advanceTimersToNextFrame();
  expect(told).toEqual([1_000]);
  light.show(1_001);
  vi.advanceTimersToNextFrame();
  expect(told).toEqual([1_000, 1_001]);
});

test("what changes while they are told is told in the next frame", () => {
  const light = new Light(0);
  const told: number[] = [];
  light.subscribe(() => {
    told.push(light.get());
    if (light.get() < 3) light.show(light.get() + 1);
  });
  light.show(1);
  for (let frame = 0; frame < 5; frame += 1) vi.advanceTimersToNextFrame();
  expect(told).toEqual([1, 2, 3]);
});

test("who left is told nothing, even by a frame that was due", () => {
  const light = new Light(0);
  const told: string[] = [];
  light.subscribe(() => told.push("stays"));
  const leave = light.subscribe(() => told.push("leaves"));
  light.show(1);
  leave();
  vi.advanceTimersToNextFrame();
  expect(told).toEqual(["stays"]);
});

test("the first listener starts it, and the last one ends it", () => {
  const light = new Light(0);
  expect(light.history).toEqual([]);
  const [one, two] = [light.subscribe(() => {}), light.subscribe(() => {})];
  expect(light.history).toEqual(["start"]);
  one();
  expect(light.history).toEqual(["start"]);
  two();
  expect(light.history).toEqual(["start", "end"]);
  light.subscribe(() => {})();
  expect(light.history).toEqual(["start", "end", "start", "end"]);
});

test("one that lingers goes on from one page to the next, and ends if nobody came", () => {
  const light = new Light(0, { linger: 2_000 });
  light.subscribe(() => {})();
  vi.advanceTimersByTime(1_999);
  const leave = light.subscribe(() => {});
  vi.advanceTimersByTime(60_000);
  expect(light.history).toEqual(["start"]);
  leave();
  vi.advanceTimersByTime(2_000);
  expect(light.history).toEqual(["start", "end"]);
});
