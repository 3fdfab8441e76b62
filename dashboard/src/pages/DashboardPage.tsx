import type { ComponentType } from "react";
import { Boundary } from "../components/Boundary";
import { ActivityFeed } from "../components/dashboard/ActivityFeed";
import { CameraTiles } from "../components/dashboard/CameraTiles";
import { GPUStats } from "../components/dashboard/GPUStats";
import { HealthIndicators } from "../components/dashboard/HealthIndicators";
import { Queues } from "../components/dashboard/Queues";
import { RiskGauge } from "../components/dashboard/RiskGauge";
import { Verdicts } from "../components/dashboard/Verdicts";
import { texts } from "../texts";

/** Each part with its place in the grid (styles.css), in the order of reading. */
const PARTS: readonly { area: string; Part: ComponentType }[] = [
  { area: "[grid-area:activity]", Part: ActivityFeed },
  { area: "[grid-area:cameras]", Part: CameraTiles },
  { area: "[grid-area:risk]", Part: RiskGauge },
  { area: "[grid-area:gpu]", Part: GPUStats },
  { area: "[grid-area:queues]", Part: Queues },
  { area: "[grid-area:services]", Part: HealthIndicators },
];

/** Whether the home, its cameras and its AI are well; then what makes it so (R57). */
export function DashboardPage() {
  return (
    // At least as high as the window leaves: what scrolls in itself has the room that there is.
    <div className="flex flex-col gap-3 sm:gap-4 xl:min-h-[calc(100dvh-8.5rem)]">
      <h1 className="sr-only">{texts.dashboard.title}</h1>
      <Boundary>
        <Verdicts />
      </Boundary>
      <div className="dashboard-grid gap-3 sm:gap-4 xl:flex-1">
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
