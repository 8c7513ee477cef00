import type { Exchange } from "@tandem/libs/http";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { EngineConfig } from "../config.ts";
import type { Engine } from "../generation/engine.ts";
import type { LoadMeter } from "../load-meter.ts";
import type { EngineMetrics } from "../metrics.ts";

/** What every operation is given. */
export interface OperationTools {
  readonly engine: Engine;
  readonly config: EngineConfig;
  readonly world: World;
  readonly log: Log;
  readonly metrics: EngineMetrics;
  readonly load: LoadMeter;
  /** Rings when the engine closes and this answer cannot be finished. */
  readonly closing: AbortSignal;
}

/** Answers one request. What it throws is answered as a fault. */
export type Operation = (exchange: Exchange, tools: OperationTools) => Promise<void> | void;
