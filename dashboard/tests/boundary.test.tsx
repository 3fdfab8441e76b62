// @vitest-environment jsdom
import { act, render, screen } from "@testing-library/react";
import { expect, onTestFinished, test, vi } from "vitest";
import { Boundary } from "../src/components/Boundary";

let odd = false;

function Part() {
  if (odd) throw new Error("an odd figure");
  return <p>12 GB</p>;
}

test("a part that could not be shown is shown again once it can", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  // React tells of what a boundary caught, too.
  vi.spyOn(console, "error").mockImplementation(() => {});
  odd = true;
  render(
    <Boundary>
      <Part />
    </Boundary>,
  );
  const told = "This cannot be shown: It is tried again every 2 seconds.";
  expect(screen.getByRole("alert").textContent).toBe(told);
  act(() => vi.advanceTimersByTime(2_000));
  expect(screen.getByRole("alert").textContent).toBe(told);
  odd = false;
  act(() => vi.advanceTimersByTime(2_000));
  expect(screen.queryByRole("alert")).toBeNull();
  expect(screen.getByText("12 GB")).toBeDefined();
});
