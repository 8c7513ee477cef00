import { createRequire } from "node:module";
import type client from "prom-client";
import { QuickHistogram } from "./histogram.ts";

/**
 * Part by part: its door also loads OpenTelemetry's API and what measures Node itself, eighty
 * modules that nobody here asks for.
 */
const require = createRequire(import.meta.url);
const prom: Pick<typeof client, "Registry" | "Counter" | "Gauge"> = {
  Registry: require("prom-client/lib/registry"),
  Counter: require("prom-client/lib/counter"),
  Gauge: require("prom-client/lib/gauge"),
};

type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(value: number, labels?: Labels): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Asked for when somebody looks, for what is cheap to read and would be old when set. */
  follow(read: () => number, labels?: Labels): void;
}

export interface Histogram {
  /** `value` in the metric's unit; seconds for durations. */
  observe(value: number, labels?: Labels): void;
}

interface Declaration {
  /** With prefix and unit: `tandem_http_request_duration_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /**
   * Told to monitoring once a second, where alerts are judged by it. For a few figures of a process
   * with few labels; all others are only scraped.
   */
  readonly isTold?: boolean;
}

/** One figure of a process at the moment. */
export interface Figure {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** The metrics of one process. Declaring a name twice gives the same metric. */
export interface Metrics {
  counter(declaration: Declaration): Counter;
  gauge(declaration: Declaration): Gauge;
  histogram(
    declaration: Omit<Declaration, "isTold"> & { readonly buckets: readonly number[] },
  ): Histogram;
  /** Those figures that are declared as told. */
  told(): Promise<readonly Figure[]>;
  /** The Prometheus text form. */
  expose(): Promise<string>;
}

export function createMetrics(fields: Readonly<Record<string, string>> = {}): Metrics {
  const registry = new prom.Registry();
  registry.setDefaultLabels(fields);
  const declared = new Map<string, unknown>();
  const told: Told[] = [];
  const once = <Metric>(name: string, make: () => Metric): Metric => {
    const existing = declared.get(name);
    if (existing !== undefined) return existing as Metric;
    const made = make();
    declared.set(name, made);
    return made;
  };
  return {
    counter: ({ name, help, labels = [], isTold = false }) =>
      once(name, () => {
        const labelNames = [...labels];
        const counter = new prom.Counter({ name, help, labelNames, registers: [registry] });
        if (isTold) told.push({ name, read: async () => (await counter.get()).values });
        return { add: (value, given = {}) => counter.inc(given, value) };
      }),
    gauge: ({ name, help, labels = [], isTold = false }) =>
      once(name, () => {
        const followed: (() => void)[] = [];
        const gauge = new prom.Gauge({
          name,
          help,
          labelNames: [...labels],
          registers: [registry],
          collect: () => {
            for (const read of followed) read();
          },
        });
        if (isTold) told.push({ name, read: async () => (await gauge.get()).values });
        return {
          set: (value, given = {}) => gauge.set(given, value),
          follow: (read, given = {}) => void followed.push(() => gauge.set(given, read())),
        };
      }),
    histogram: ({ name, help, labels = [], buckets }) =>
      once(name, () => {
        const histogram = new QuickHistogram({ name, help, labels, buckets });
        // The registry wants no more of it than its name, and its figures when somebody looks.
        registry.registerMetric(histogram as unknown as client.Histogram);
        return { observe: (value, given = {}) => histogram.observe(value, given) };
      }),
    expose: () => registry.metrics(),
    told: async () => (await Promise.all(told.map(figuresOf))).flat(),
  };
}

interface Told {
  readonly name: string;
  readonly read: () => Promise<readonly { readonly labels: object; readonly value: number }[]>;
}

async function figuresOf({ name, read }: Told): Promise<readonly Figure[]> {
  return (await read()).map(({ labels, value }) => {
    const words = Object.entries(labels).map(([label, word]) => [label, String(word)] as const);
    return { name, labels: Object.fromEntries(words), value };
  });
}
