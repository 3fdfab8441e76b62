import { compact } from "../../format";
import { useSystemStatus } from "../../realtime";
import { Card, Empty, Figure } from "../parts";

/** How much work waits for the AI. */
export function Queues() {
  const { status } = useSystemStatus();
  const queues = status?.queues;
  return (
    <Card title="Queues">
      {queues ? (
        <dl className="grid grid-cols-3 gap-3">
          <Figure name="Detection" value={compact(queues.detection_queue)} />
          <Figure name="Analysis" value={compact(queues.analysis_queue)} />
          <Figure name="Failed" value={compact(queues.dlq_total)} />
        </dl>
      ) : (
        <Empty title={status ? "Redis cannot be asked" : "Waiting for a status"} />
      )}
    </Card>
  );
}
