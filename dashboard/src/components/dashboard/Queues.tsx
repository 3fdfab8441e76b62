import { useSystemStatus } from "@hsi/realtime";
import { compact } from "../../format";
import { texts } from "../../texts";
import { Card, Figure } from "../parts";

const words = texts.dashboard.queues;

/** How much work waits for the AI; Redis knows, and without it nobody does. */
export function Queues() {
  const { status, queues: watched } = useSystemStatus();
  const queues = status?.queues;
  const aside = watched.state === "stuck" && (
    <span className="text-warn-ink text-xs">{words.stuck(watched.queue ?? "")}</span>
  );
  return (
    <Card title={words.title} aside={aside}>
      <dl className="grid grid-cols-3 gap-3">
        <Figure name={words.detection} value={compact(queues?.detection_queue)} />
        <Figure name={words.analysis} value={compact(queues?.analysis_queue)} />
        <Figure name={words.failed} value={compact(queues?.dlq_total)} />
      </dl>
    </Card>
  );
}
