/** F52: the keys that processes know each other by are changed while everybody calls. */
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { Fault } from "@tandem/libs/kernel";
import { createPassportSigner, createReplicaSet, createRpcClient } from "@tandem/libs/rpc";
import { realWorld } from "@tandem/libs/world";
import { z } from "zod";
import type { LiveFault } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import { until } from "../waiting.ts";

const issuer = "ai";
const secretsSchema = z.object({
  passportKeys: z.record(z.string(), z.object({ privateKey: z.string() })),
  rotation: z.object({ stage: z.string() }).optional(),
});

function secretsOf({ tandem }: FaultHouse): z.infer<typeof secretsSchema> {
  const path = join(tandem.dataDirectory, "keys", "secrets.json");
  return secretsSchema.parse(JSON.parse(readFileSync(path, "utf8")));
}

/** Calls every replica of `auth` on its own socket, as a gateway does, with the key of this moment. */
function callerWithTodaysKey(house: FaultHouse): () => Promise<readonly string[]> {
  const world = realWorld();
  const pem = secretsOf(house).passportKeys[issuer]?.privateKey ?? "";
  const privateKey = createPrivateKey(pem);
  const nowMs = (): number => world.clock.nowMs();
  const signer = createPassportSigner({ issuer, privateKey: () => privateKey, nowMs });
  return async () => {
    const owner = readFileSync(join(house.tandem.dataDirectory, "supervisor.json"), "utf8");
    const { runDirectory } = z.object({ runDirectory: z.string() }).parse(JSON.parse(owner));
    const { processes } = await house.tandem.status();
    const hosts = processes.flatMap((process) => process.hosts);
    const replicas = hosts.filter((host) => host.startsWith("auth/"));
    return Promise.all(
      replicas.map(async (host) => {
        const address = `unix:${runDirectory}/sockets/${host.replace("/", "-")}.sock` as const;
        const one = createReplicaSet({ addresses: [address], world });
        const parts = { deployable: "auth", replicas: one, signer, world };
        try {
          await createRpcClient(AuthService, parts).verifyKey({ secretHash: new Uint8Array(32) });
          return "accepted";
        } catch (error) {
          return Fault.from(error).reason;
        } finally {
          one.close();
        }
      }),
    );
  };
}

/** A word for what is not as it should be, at every replica. */
function unless(answer: string, seen: readonly string[], when: string): readonly string[] {
  const isSo = seen.length > 1 && seen.every((each) => each === answer);
  return isSo ? [] : [`${when}: ${seen.join(", ") || "nobody was asked"}, not ${answer}`];
}

export const keysRotated: LiveFault = {
  id: "F52",
  what: "all signing keys rotated under load; the old ones are refused after the overlap",
  // The overlap: in the longer forms more than a passport's life of 30 s.
  seconds: { short: 3, usual: 31, long: 120 },
  async strike({ house, seconds, tell }) {
    const withOld = callerWithTodaysKey(house);
    const wrongs = [...unless("accepted", await withOld(), "before")];
    const startMs = performance.now();
    let isOver = false;
    const rotation = house.tandem
      .control(`rotate-signing-keys?overlap_seconds=${seconds}`)
      .finally(() => {
        isOver = true;
      });
    await until(() => isOver || secretsOf(house).rotation?.stage === "signing", 30_000);
    const signingMs = performance.now() - startMs;
    const withNew = callerWithTodaysKey(house);
    wrongs.push(...unless("accepted", await withOld(), "the old key in the overlap"));
    wrongs.push(...unless("accepted", await withNew(), "the new key in the overlap"));
    if (isOver) wrongs.push("the overlap was over before anybody could look");
    await rotation;
    const rotationMs = performance.now() - startMs;
    wrongs.push(...unless("rpc.passport_refused", await withOld(), "the old key afterwards"));
    wrongs.push(...unless("accepted", await withNew(), "the new key afterwards"));
    tell(
      `  signed with new after ${Math.round(signingMs)} ms, over after ${Math.round(rotationMs)}`,
    );
    return { figures: { signingMs, rotationMs }, wrongs };
  },
};
