import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "@tandem/libs/telemetry";
import { seededWorld } from "@tandem/libs/testing";
import { LiveUpstream } from "../upstream/live-upstream.ts";
import { FailoverDesk } from "./failover-desk.ts";

test("an upstream that was taken out of service is neither probed nor taken for dead", async () => {
  const { world, advance } = seededWorld();
  const make = (name: string, isStandby: boolean): LiveUpstream =>
    new LiveUpstream(
      {
        ...{ name, profile: "vllm", baseUrl: "http://127.0.0.1:9/v1", apiKey: "", isStandby },
        ...{ firstTokenTimeoutMs: 1_000, idleTimeoutMs: 1_000, totalTimeoutMs: 1_000 },
        ...{ maxConcurrency: 0, isEnabled: true, state: "up", queueLength: 0, kvCacheRatio: 0 },
      },
      {
        ...{ world, replicas: 1, queueMax: 1, groupOf: () => undefined },
        leasePlaces: () => Promise.reject(new Error("not asked")),
      },
    );
  const probed: string[] = [];
  const incidents: string[] = [];
  const desk = new FailoverDesk({
    world,
    log: createLog({ level: "error", fields: {}, write: () => undefined }),
    probe: (upstream) => {
      probed.push(upstream.settings.name);
      return Promise.resolve({ isAlive: !upstream.isClosed, cpu: undefined, memory: undefined });
    },
    onIncident: ({ group }) => incidents.push(group),
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let quarter = 0; quarter < seconds * 4; quarter += 1) {
      await advance(250);
      desk.tick(world.clock.monotonicMs());
      await advance(0);
    }
  };
  const house = make("house", false);
  const cloud = make("cloud", true);
  const group = desk.groupOf([house, cloud]);
  await pass(2);
  assert.ok(probed.length > 0);
  house.close();
  probed.length = 0;
  await pass(10);
  assert.deepEqual([probed, incidents, desk.groups], [[], [], []]);
  assert.equal(desk.groupOf([make("house", false), cloud]), group);
  await pass(2);
  assert.ok(probed.length > 0);
  assert.deepEqual([incidents, group?.decision.state], [[], "primary"]);
});
