import { wholeOf } from "./conform.ts";
import { useActiveAlerts } from "./useActiveAlerts.ts";
import { useApi } from "./useApi.ts";

const alertsOf = (body: unknown) => wholeOf("AlertList", body);

/**
 * The alerts that have ended, the latest first; null while they are not known. They are loaded while
 * they are wanted, and again when one begins or ends.
 */
export function useAlertHistory(wanted: boolean) {
  const { active } = useActiveAlerts();
  const { data, error } = useApi(wanted ? "/api/alerts" : null, alertsOf, {
    version: active?.map(({ id }) => id).join(" ") ?? "",
    keepPreviousData: true,
  });
  return { ended: data?.alerts.filter(({ ended }) => ended !== null) ?? null, error };
}
