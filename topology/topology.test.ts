import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readTopology, replicasOf } from "@tandem/libs/service";

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

test("every topology in this folder is sound", () => {
  assert.ok(files.includes("tandem.json") && files.includes("single.json"));
  for (const file of files) readTopology(join(folder, file));
});

test("the default topology has no deployable but the engine that hangs on one process", () => {
  const topology = readTopology(join(folder, "tandem.json"));
  for (const { deployable } of replicasOf(topology)) {
    if (deployable === "engine") continue;
    const hosts = topology.processes.filter((process) =>
      process.hosts.some((replica) => replica.startsWith(`${deployable}/`)),
    );
    assert.ok(hosts.length >= 2, `${deployable} is hosted by one process only`);
  }
});
