import type { Metrics } from "@tandem/libs/telemetry";
import type { FailoverGroup } from "./failover-group.ts";

/** What monitoring hears of the standby: shares and alarms by group, and each change of sides. */
export interface FailoverFigures {
  /** Groups that are not among them any more are told as being at home. */
  update(groups: readonly Pick<FailoverGroup, "name" | "decision">[]): void;
  moved(group: string): void;
}

export function tellFailover(metrics: Metrics): FailoverFigures {
  const labels = ["group"];
  const share = metrics.gauge({
    name: "tandem_failover_standby_share",
    help: "Of the requests that may go to the standby, those that do: 0 to 1.",
    ...{ labels, isTold: true },
  });
  const alarm = metrics.gauge({
    name: "tandem_failover_alarm",
    help: "1 while a group has no good side or has used up its moves, else 0.",
    ...{ labels, isTold: true },
  });
  const moves = metrics.counter({
    name: "tandem_failover_moves_total",
    help: "Changes of sides.",
    labels,
  });
  const told = new Set<string>();
  return {
    update(groups) {
      const gone = new Set(told);
      for (const { name: group, decision } of groups) {
        gone.delete(group);
        told.add(group);
        share.set(decision.share, { group });
        alarm.set(Number(decision.alarm), { group });
      }
      for (const group of gone) {
        share.set(0, { group });
        alarm.set(0, { group });
      }
    },
    moved: (group) => moves.add(1, { group }),
  };
}
