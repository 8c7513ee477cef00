import type {
  GetRequestRequest,
  RequestRecord,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { CallContext } from "@tandem/libs/rpc";
import { monitoringFaults } from "../faults.ts";
import type { RequestStore } from "../store/request-store.ts";
import type { RequestRecorder } from "./record-requests.ts";

/** A request of the caller's own organisation, with its phases and attempts. */
export async function getRequest(
  parts: { store: RequestStore; recorder: RequestRecorder },
  request: GetRequestRequest,
  { passport }: CallContext,
): Promise<RequestRecord> {
  const { organisationId, requestId } = request;
  const isForeign = passport.organisationId !== "" && passport.organisationId !== organisationId;
  if (isForeign) throw monitoringFaults.request_not_found();
  const recent = parts.recorder.recent(requestId);
  if (recent !== undefined && recent.organisationId === organisationId) return recent;
  const record = await parts.store.find(organisationId, requestId);
  if (record === undefined) throw monitoringFaults.request_not_found();
  return record;
}
