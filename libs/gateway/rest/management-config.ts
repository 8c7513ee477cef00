import { count, duration, size } from "../../config/index.ts";

/** Settings that every gateway of the management plane has, to be spread into its own. */
export const managementSettings = {
  identityOutageMs: duration({
    doc: "How long known callers are let in while revocations cannot be heard; then nobody is.",
    default: "30s",
    min: "0",
    max: "15m",
  }),
  identityGoneMs: duration({
    doc: "The same while no replica of auth runs on this machine, so that nobody can revoke.",
    default: "15m",
    min: "0",
    max: "24h",
  }),
  identitiesMax: count({
    doc: "Verified callers kept in memory, some 1 KiB each.",
    default: 10_000,
    min: 100,
    max: 1_000_000,
  }),
  requestDeadlineMs: duration({
    doc: "How long a management request may take.",
    default: "10s",
    min: "1s",
    max: "25s",
  }),
  staleBytesMax: size({
    doc: "Memory for the last good answers, which stand in while a service is away.",
    default: "8MiB",
    min: "64KiB",
    max: "1GiB",
  }),
  staleAgeMax: duration({
    doc: "The oldest answer that may stand in.",
    default: "24h",
    min: "1s",
    max: "168h",
  }),
  staleAfterMs: duration({
    doc: "How long a slow service is waited for when an earlier answer could stand in.",
    default: "1s",
    min: "10ms",
    max: "10s",
  }),
} as const;

/** What those settings come to. */
export interface ManagementConfig {
  readonly identityOutageMs: number;
  readonly identityGoneMs: number;
  readonly identitiesMax: number;
  readonly requestDeadlineMs: number;
  readonly staleBytesMax: number;
  readonly staleAgeMax: number;
  readonly staleAfterMs: number;
}
