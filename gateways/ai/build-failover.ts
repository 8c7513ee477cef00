import { parseNanos } from "@tandem/libs/kernel";
import { type Lifecycle, replicasOf, type Site } from "@tandem/libs/service";
import type { HotStore } from "@tandem/libs/store/hot";
import type { Timers } from "@tandem/libs/world";
import type { AiConfig } from "./config.ts";
import type { Side } from "./core/failover/failover-machine.ts";
import { FailoverBoard, type Incident } from "./failover/failover-board.ts";
import { FailoverDesk } from "./failover/failover-desk.ts";
import { StandbyCost } from "./failover/standby-cost.ts";
import { tellFailover } from "./failover/tell-failover.ts";
import { probeUpstream } from "./failover/upstream-probe.ts";

const evaluationMs = 250;
const sharePeriodMs = 1_000;
const incidentsMax = 50;

export interface Failover {
  readonly desk: FailoverDesk;
  readonly cost: StandbyCost;
}

/** Evaluations four times a second; what was decided, and what operators want, once a second. */
export function buildFailover(
  site: Site,
  lifecycle: Lifecycle,
  given: {
    readonly hotStore: HotStore;
    readonly config: AiConfig["failover"];
    readonly vigil: Pick<Timers, "every">;
  },
): Failover {
  const { world, log } = site;
  const { hotStore, config, vigil } = given;
  const board = new FailoverBoard(hotStore);
  const incidents: Incident[] = [];
  const figures = tellFailover(site.metrics);
  const desk = new FailoverDesk({
    world,
    log,
    probe: (upstream) => probeUpstream(upstream, world),
    onIncident: ({ group, decision: { state, share, reasons, alarm, moved } }) => {
      if (moved) figures.moved(group);
      const atMs = world.clock.nowMs();
      incidents.unshift({ group, state, share, reasons: [...reasons], alarm, atMs });
      incidents.splice(incidentsMax);
    },
  });
  const cost = new StandbyCost({
    clock: world.clock,
    hotStore,
    capNanos: config.costCapPerDay === "" ? undefined : parseNanos(config.costCapPerDay),
    get replicas() {
      return replicasOf(site.topology, site.deployable).length;
    },
  });
  const deciding = vigil.every(evaluationMs, () => desk.tick(world.clock.monotonicMs()));
  const sharing = world.timers.every(sharePeriodMs, () => {
    void cost.tick();
    figures.update(desk.groups);
    if (desk.groups.length === 0) return;
    // The store may be away: then nobody reads it either, and what was pinned stays.
    void shareWith(board, { replica: site.id, desk, incidents }).catch(() => undefined);
  });
  lifecycle.defer("failover", () => {
    deciding.cancel();
    sharing.cancel();
  });
  return { desk, cost };
}

async function shareWith(
  board: FailoverBoard,
  given: { replica: string; desk: FailoverDesk; incidents: readonly Incident[] },
): Promise<void> {
  const { replica, desk, incidents } = given;
  const pins = new Map<string, Side>();
  for (const { name } of desk.groups) {
    const side = await board.pinOf(name);
    if (side !== undefined) pins.set(name, side);
  }
  desk.pinAll(pins);
  const groups = desk.groups.map(({ name, decision: { state, share, reasons, alarm } }) => ({
    group: name,
    state,
    share,
    reasons: [...reasons],
    alarm,
  }));
  await board.write(replica, { groups, incidents: [...incidents] });
}
