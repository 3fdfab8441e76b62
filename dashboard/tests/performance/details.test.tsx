// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { golden } from "../../realtime/tests/golden";
import { Details } from "../../src/components/performance/Details";

afterEach(cleanup);

test("PostgreSQL's queries of now are not called its connections", () => {
  const figures = golden("performance_update").data as object;
  const postgresql = { connections_active: 0, connections_max: 100 };
  render(<Details figures={{ ...figures, databases: { postgresql } as never }} />);
  const { textContent } = screen.getByRole("region", { name: "PostgreSQL" });
  expect(textContent).toContain("Queries now0");
  expect(textContent).toContain("Connections, at most100");
  expect(textContent).not.toContain("0 of 100");
});
