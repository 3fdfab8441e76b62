import { useSystemStatus } from "@hsi/realtime";
import { compact } from "../../format";
import { Card, Figure } from "../parts";

/** How much work waits for the AI; Redis knows, and without it nobody does. */
export function Queues() {
  const { status, queues: watched } = useSystemStatus();
  const queues = status?.queues;
  const aside = watched.state === "stuck" && (
    <span className="text-warn-ink text-xs">{watched.queue} does not move</span>
  );
  return (
    <Card title="Queues" aside={aside}>
      <dl className="grid grid-cols-3 gap-3">
        <Figure name="Detection" value={compact(queues?.detection_queue)} />
        <Figure name="Analysis" value={compact(queues?.analysis_queue)} />
        <Figure name="Failed" value={compact(queues?.dlq_total)} />
      </dl>
    </Card>
  );
}
