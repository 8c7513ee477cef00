import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@tandem/libs/testing";
import { listening, startPinned } from "../pinned-process.ts";
import { type Absent, type Contender, type Place, pathCore } from "./contender.ts";

const version = "1.15.2";

/**
 * With a newer Hono adapter every stream of this Portkey fails ("immutable" headers), which would
 * be an unfair thing to publish. This is the newest one that was found to work.
 */
const manifest = {
  private: true,
  dependencies: { "@portkey-ai/gateway": version },
  overrides: { "@hono/node-server": "1.12.2" },
};

/**
 * Portkey's open gateway as a plain pass-through: no keys, no limits, no cache. It runs on the same
 * Node as Tandem, is installed once, and is left out where npm cannot bring it.
 */
export async function startPortkey(place: Place): Promise<Contender | Absent> {
  const folder = join(place.cacheFolder, `portkey-${version}`);
  const entry = join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");
  const problem = existsSync(entry) ? undefined : install(folder);
  if (problem !== undefined)
    return { name: "Portkey", reason: `npm could not bring it: ${problem}` };
  const port = await freePort();
  const command = [process.execPath, entry, `--port=${port}`, "--headless"] as const;
  const portkey = startPinned(pathCore, [...command], { cwd: folder });
  await listening(port, 30_000);
  return {
    name: "Portkey",
    version,
    pids: portkey.pids(),
    unary: { port },
    stream: { port },
    headers: {
      authorization: "Bearer unused",
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${place.upstreamPort}/v1`,
    },
    stop: portkey.stop,
  };
}

function install(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: folder,
      stdio: "pipe",
      timeout: 300_000,
    });
    return undefined;
  } catch (error) {
    return String(error).split("\n")[0];
  }
}
