import { create } from "@bufbuild/protobuf";
import {
  MonitoringService,
  ReportSamplesRequestSchema,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { RpcClient } from "@tandem/libs/rpc";
import {
  type Address,
  connectRpc,
  createLifecycle,
  type Replica,
  type Site,
} from "@tandem/libs/service";
import type { Metrics } from "@tandem/libs/telemetry";
import type { ProcessSample } from "./process-metrics.ts";

type Monitoring = Pick<RpcClient<(typeof MonitoringService)["method"]>, "reportSamples">;

export interface HostedReplica {
  readonly site: Site;
  readonly replica: Replica;
}

const periodMs = 1_000;
const deadlineMs = 800;

/**
 * Tells every monitoring replica once a second how this process and its replicas are. Each of them
 * is told, so that none leads; what does not arrive is old by the next second and not sent again.
 * Figures are most of it and mostly the same: who says that it keeps them is not told them again.
 */
export function reportSamples(
  hosted: readonly HostedReplica[],
  metrics: Metrics,
  latest: () => ProcessSample | undefined,
): void {
  const teller = hosted.find(({ site }) => mayCallMonitoring(site))?.site;
  if (teller === undefined) return;
  const lifecycle = createLifecycle(teller);
  const known = new Map<string, Monitoring>();
  const monitorAt = (address: Address): Monitoring => {
    const monitor =
      known.get(address) ??
      connectRpc(teller, lifecycle, {
        service: MonitoringService,
        deployable: "monitoring",
        address,
      });
    known.set(address, monitor);
    return monitor;
  };
  let cpuSeenMs = 0;
  /** Which figures a replica of monitoring has said that it keeps. */
  const keptBy = new Map<Address, string>();
  const tell = async (sample: ProcessSample): Promise<void> => {
    const cpu = (sample.cpuMs - cpuSeenMs) / periodMs;
    cpuSeenMs = sample.cpuMs;
    const figures = (await metrics.told()).map(({ name, labels, value }) => ({
      ...{ name, value },
      labels: { ...labels },
    }));
    const samples = hosted.map(({ site, replica }) => sampleOf(site, replica, { ...sample, cpu }));
    const text = JSON.stringify(figures);
    const whole = create(ReportSamplesRequestSchema, { samples, figures });
    const brief = create(ReportSamplesRequestSchema, { samples, figuresUnchanged: true });
    for (const address of teller.addressesOf("monitoring")) {
      monitorAt(address)
        .reportSamples(keptBy.get(address) === text ? brief : whole, { deadlineMs })
        .then(
          ({ keepsFigures }) => {
            if (keepsFigures) keptBy.set(address, text);
            else keptBy.delete(address);
          },
          (error: unknown) => {
            keptBy.delete(address);
            teller.log.debug("sample_not_told", { detail: String(error) });
          },
        );
    }
  };
  teller.world.timers.every(periodMs, () => {
    const sample = latest();
    if (sample !== undefined) void tell(sample);
  });
}

function mayCallMonitoring(site: Site): boolean {
  return (site.topology.calls[site.deployable] ?? []).includes("monitoring");
}

function sampleOf(site: Site, replica: Replica, sample: ProcessSample & { readonly cpu: number }) {
  const unready = replica.unreadyChecks();
  return {
    replicaId: site.id,
    deployable: site.deployable,
    process: String(process.pid),
    startedAtMs: BigInt(Math.round(performance.timeOrigin)),
    atMs: BigInt(site.world.clock.nowMs()),
    state: unready.length === 0 ? "ready" : unready[0] === "draining" ? "draining" : "unready",
    unreadyChecks: [...unready],
    cpu: sample.cpu,
    residentBytes: BigInt(sample.residentBytes),
    eventLoopDelayMsP99: sample.loopLagMs,
  };
}
