import assert from "node:assert/strict";
import { test } from "node:test";
import { type Disk, definePort, diskOf, diskPort, portOf, realWorld } from "./index.ts";

test("a world's own way to the outside goes before the machine's, and only its own", () => {
  const own = { ...diskOf(realWorld()) } satisfies Disk;
  const world = { ...realWorld(), ports: new Map([[diskPort, own]]) };
  assert.equal(diskOf(world), own);
  assert.notEqual(diskOf(realWorld()), own);
  assert.equal(portOf(world, definePort<Disk>("disk")), undefined);
});
