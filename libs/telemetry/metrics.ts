import prom from "prom-client";

type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(value: number, labels?: Labels): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
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
}

/** The metrics of one process. Declaring a name twice gives the same metric. */
export interface Metrics {
  counter(declaration: Declaration): Counter;
  gauge(declaration: Declaration): Gauge;
  histogram(declaration: Declaration & { readonly buckets: readonly number[] }): Histogram;
  /** The Prometheus text form. */
  expose(): Promise<string>;
}

export function createMetrics(fields: Readonly<Record<string, string>> = {}): Metrics {
  const registry = new prom.Registry();
  registry.setDefaultLabels(fields);
  const declared = new Map<string, unknown>();
  const once = <Metric>(name: string, make: () => Metric): Metric => {
    const existing = declared.get(name);
    if (existing !== undefined) return existing as Metric;
    const made = make();
    declared.set(name, made);
    return made;
  };
  return {
    counter: ({ name, help, labels = [] }) =>
      once(name, () => {
        const counter = new prom.Counter({
          name,
          help,
          labelNames: [...labels],
          registers: [registry],
        });
        return { add: (value, given = {}) => counter.inc(given, value) };
      }),
    gauge: ({ name, help, labels = [] }) =>
      once(name, () => {
        const gauge = new prom.Gauge({
          name,
          help,
          labelNames: [...labels],
          registers: [registry],
        });
        return { set: (value, given = {}) => gauge.set(given, value) };
      }),
    histogram: ({ name, help, labels = [], buckets }) =>
      once(name, () => {
        const histogram = new prom.Histogram({
          name,
          help,
          labelNames: [...labels],
          buckets: [...buckets],
          registers: [registry],
        });
        return { observe: (value, given = {}) => histogram.observe(given, value) };
      }),
    expose: () => registry.metrics(),
  };
}
