import type { ComponentType } from "react";
import { Boundary } from "../components/Boundary";
import { ActivityFeed } from "../components/dashboard/ActivityFeed";
import { CameraTiles } from "../components/dashboard/CameraTiles";
import { GPUStats } from "../components/dashboard/GPUStats";
import { HealthIndicators } from "../components/dashboard/HealthIndicators";
import { Queues } from "../components/dashboard/Queues";
import { RiskGauge } from "../components/dashboard/RiskGauge";
import { Verdicts } from "../components/dashboard/Verdicts";

/** Each part with its place in the grid (styles.css), in the order of reading. */
const PARTS: readonly { area: string; Part: ComponentType }[] = [
  { area: "[grid-area:risk]", Part: RiskGauge },
  { area: "[grid-area:cameras]", Part: CameraTiles },
  { area: "[grid-area:activity]", Part: ActivityFeed },
  { area: "[grid-area:gpu]", Part: GPUStats },
  { area: "[grid-area:queues]", Part: Queues },
  { area: "[grid-area:services]", Part: HealthIndicators },
];

/** Whether the home, its cameras and its AI are well; then what makes it so (R57). */
export function DashboardPage() {
  return (
    <div className="flex flex-col gap-3 sm:gap-4">
      <h1 className="sr-only">Dashboard</h1>
      <Boundary>
        <Verdicts />
      </Boundary>
      <div className="dashboard-grid gap-3 sm:gap-4">
        {PARTS.map(({ area, Part }) => (
          <div key={area} className={`grid min-w-0 ${area}`}>
            <Boundary>
              <Part />
            </Boundary>
          </div>
        ))}
      </div>
    </div>
  );
}
