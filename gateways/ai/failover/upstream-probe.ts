import type { ClientCall } from "@tandem/libs/http";
import type { World } from "@tandem/libs/world";
import type { LiveUpstream } from "../upstream/live-upstream.ts";
import type { ProbeResult } from "./failover-group.ts";

const timeoutMs = 1_000;
const silent: ProbeResult = { isAlive: false, cpu: undefined, memory: undefined };

/**
 * Asks an upstream for its models, which costs nothing anywhere. Whatever it answers short of a
 * server error shows that it is there. Never rejects.
 */
export function probeUpstream(upstream: LiveUpstream, world: World): Promise<ProbeResult> {
  const { settings, profile, basePath, pool } = upstream;
  return new Promise((resolve) => {
    let result = silent;
    let call: ClientCall | undefined;
    const end = (found: ProbeResult): void => {
      timer.cancel();
      resolve(found);
    };
    const timer = world.timers.after(timeoutMs, () => {
      call?.cancel();
      resolve(silent);
    });
    const headers = [
      ["accept", "application/json"],
      ["user-agent", "tandem"],
      ...(settings.apiKey === "" ? [] : profile.credentialFields(settings.apiKey)),
    ] as const;
    call = pool.send(
      { method: "GET", target: `${basePath}/models`, headers },
      {
        onHead: ({ status, headers: fields }) => {
          result = {
            isAlive: status < 500,
            cpu: shareIn(fields.get("x-tandem-cpu")),
            memory: shareIn(fields.get("x-tandem-memory")),
          };
        },
        onChunk: () => undefined,
        onEnd: () => end(result),
        onFailure: () => end(silent),
      },
    );
  });
}

/** A number from 0 to 1; anything else tells nothing. */
function shareIn(text: string | undefined): number | undefined {
  const share = text === undefined || text === "" ? Number.NaN : Number(text);
  return share >= 0 && share <= 1 ? share : undefined;
}
