/**
 * Logs, metrics and trace context. One wide JSON line a request; metrics declared once, in code,
 * with name, unit and labels; W3C trace context parsed and passed on. Losing a line or a sample
 * never fails a request.
 */
export { createLog, type Log, type LogFields, type LogLevel } from "./log.ts";
export {
  type Counter,
  createMetrics,
  type Figure,
  type Gauge,
  type Histogram,
  type Metrics,
} from "./metrics.ts";
