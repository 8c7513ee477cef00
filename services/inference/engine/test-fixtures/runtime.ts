/** Installs the model runtime before the tests that need it, and says so. */
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { realWorld } from "@tandem/libs/world";
import { installedRuntime } from "../generation/install-runtime.ts";

export function ensureRuntime(): Promise<string> {
  return installedRuntime({
    world: realWorld(),
    runtimeDirectory: fileURLToPath(new URL("../runtime", import.meta.url)),
    dataDirectory: tmpdir(),
    signal: new AbortController().signal,
    onInstalling: () => {
      process.stdout.write("# installing the engine's model runtime (85 MB, once)\n");
    },
  });
}
