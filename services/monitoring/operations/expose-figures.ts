import type { ExposeFiguresResponse } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import type { AlertWatch } from "../alert-watch.ts";
import { alertRules } from "../core/alerts/alert-rules.ts";
import type { ToldFigure } from "../core/alerts/alert-view.ts";

/**
 * All told figures and the open alerts, in Prometheus's text form, version 0.0.4, so that one
 * scrape through the public door sees what this service judges by.
 */
export async function exposeFigures(given: {
  readonly figures: readonly ToldFigure[];
  readonly watch: AlertWatch;
}): Promise<MessageInit<ExposeFiguresResponse>> {
  const open = given.watch.open();
  const alerts = alertRules.map(({ id: alert, severity }) => ({
    name: "tandem_alert_open",
    labels: { alert, severity },
    value: open.filter((incident) => incident.alert === alert).length,
  }));
  const told = given.figures.map(({ source: process, name, labels, value }) => ({
    ...{ name, value },
    labels: { ...labels, process },
  }));
  const byName = Map.groupBy([...alerts, ...told], ({ name }) => name);
  const blocks = [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const text = blocks.map(([name, figures]) => {
    const kind = name.endsWith("_total") ? "counter" : "gauge";
    const lines = figures.map(({ labels, value }) => `${name}{${labelsOf(labels)}} ${value}`);
    return `# TYPE ${name} ${kind}\n${lines.join("\n")}\n`;
  });
  return { text: text.join("") };
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${quoted(value)}"`)
    .join(",");
}

function quoted(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
