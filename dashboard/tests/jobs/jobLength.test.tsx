// @vitest-environment jsdom
import { type Job, useServerClock } from "@hsi/realtime";
import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { JobLength } from "../../src/components/jobs/JobLength";
import { clock } from "../../src/format";

vi.mock("@hsi/realtime", async (original) => ({
  ...(await original<object>()),
  useServerClock: vi.fn(),
}));

afterEach(cleanup);

test("of a job that runs and has said nothing for long, only that is said", () => {
  vi.mocked(useServerClock).mockReturnValue(0);
  const iso = (ago: number) => new Date(Date.now() - ago).toISOString();
  const job: Job = { id: "a", status: "running", started_at: iso(9e5), ended_at: null, lines: 1 };
  const at = new Date(iso(90_000)).getTime();
  const silent = { ...job, last_said_at: iso(90_000) };
  const said = (one: Job) => render(<JobLength job={one} />).container.textContent;
  expect(said(silent)).toBe(`said nothing since ${clock(at)}`);
  expect(said({ ...silent, last_said_at: iso(20_000) } as Job)).toBe("for 15 min");
  expect(said({ ...silent, last_said_at: null } as Job)).toBe("for 15 min");
  expect(said({ ...silent, status: "completed", ended_at: iso(0) })).toBe("took 15 min");
});

test("how long a job runs is by the services' clock, whatever the browser's says", () => {
  const ahead = -20 * 60_000;
  vi.mocked(useServerClock).mockReturnValue(ahead);
  const began = new Date(Date.now() + ahead - 13_500).toISOString();
  const job: Job = { id: "a", status: "running", started_at: began, ended_at: null, lines: 1 };
  const { container } = render(<JobLength job={job} />);
  expect(container.textContent).toBe("for 13 s");
});
