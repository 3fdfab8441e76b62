// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Containers } from "../../src/components/performance/Details";

afterEach(cleanup);

test("there are no containers only once figures say so", () => {
  const { rerender } = render(<Containers containers={undefined} />);
  expect(screen.getByText("Waiting for figures")).toBeTruthy();
  expect(screen.queryByText("No containers")).toBeNull();
  rerender(<Containers containers={[]} />);
  expect(screen.getByText("No containers")).toBeTruthy();
  rerender(<Containers containers={[{ name: "db", status: "running", health: "healthy" }]} />);
  expect(screen.getByText("db", { exact: false })).toBeTruthy();
});
