import { formApiKey } from "@tandem/libs/gateway";
import type { Tandem } from "@tandem/libs/testing";
import type { Probe, ProbeAnswer } from "./outage-probes.ts";

export interface Reading {
  readonly probe: Probe;
  readonly startedMs: number;
  /** Status 0, and what broke it in `marks`, when no answer came. */
  readonly answer: ProbeAnswer;
}

export interface Pacer {
  /** Those that began between two moments of `performance.now()`. */
  between(fromMs: number, untilMs: number): readonly Reading[];
  stop(): Promise<void>;
}

/** Asks the given probes in turn at an even pace, whether or not earlier ones were answered. */
export function startPacer(options: {
  readonly tandem: Pick<Tandem, "origin" | "adminKey">;
  readonly perSecond: number;
  readonly probes: readonly Probe[];
}): Pacer {
  const { tandem, perSecond, probes } = options;
  const readings: Reading[] = [];
  const running = new Set<Promise<void>>();
  const bornMs = performance.now();
  let asked = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - bornMs) * perSecond) / 1_000);
    for (; asked < due; asked += 1) {
      const probe = probes[asked % probes.length];
      if (probe === undefined) return;
      const startedMs = performance.now();
      const work: Promise<void> = ask(tandem, probe).then((answer) => {
        readings.push({ probe, startedMs, answer });
        running.delete(work);
      });
      running.add(work);
    }
  }, 5);
  return {
    between: (fromMs, untilMs) =>
      readings.filter(({ startedMs }) => startedMs >= fromMs && startedMs < untilMs),
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

/** One question; never rejects. */
export async function ask(
  { origin, adminKey }: Pick<Tandem, "origin" | "adminKey">,
  { method = "GET", path, body, isStranger = false }: Probe,
): Promise<ProbeAnswer> {
  const startedMs = performance.now();
  const key = isStranger ? formApiKey("live", randomBytes) : adminKey;
  try {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body && {
          "content-type": "application/json",
          "idempotency-key": crypto.randomUUID(),
        }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      marks: response.headers.get("x-tandem-degraded") ?? "",
      age: response.headers.get("age") ?? "",
      body: bodyOf(text),
      tookMs: performance.now() - startedMs,
    };
  } catch (error) {
    const tookMs = performance.now() - startedMs;
    return { status: 0, marks: String(error), age: "", body: {}, tookMs };
  }
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

function bodyOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}
