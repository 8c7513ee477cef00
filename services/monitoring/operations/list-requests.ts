import type {
  ListRequestsRequest,
  ListRequestsResponse,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { monitoringFaults } from "../faults.ts";
import type { RequestStore } from "../store/request-store.ts";

const limitDefault = 50;
const limitMax = 200;

/** Requests of the caller's own organisation, newest first. */
export async function listRequests(
  store: RequestStore,
  request: ListRequestsRequest,
  { passport }: CallContext,
): Promise<MessageInit<ListRequestsResponse>> {
  const { organisationId } = request;
  const isForeign = passport.organisationId !== "" && passport.organisationId !== organisationId;
  if (organisationId === "" || isForeign) throw monitoringFaults.no_organisation();
  const limit = Math.min(request.limit === 0 ? limitDefault : request.limit, limitMax);
  const records = await store.list({ ...request, limit: limit + 1 });
  return { records: records.slice(0, limit), hasMore: records.length > limit };
}
