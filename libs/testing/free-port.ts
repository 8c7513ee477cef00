import { createServer } from "node:net";
import { realWorld } from "../world/index.ts";

/** Below the ports that outgoing connections take, which a test could otherwise lose one to. */
const lowest = 20_000;
const highest = 32_700;

/** A port of 127.0.0.1 on which nobody listens, below 32768. Free a moment ago, not reserved. */
export async function freePort(): Promise<number> {
  const { randomness } = realWorld();
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = lowest + Math.floor(randomness.fraction() * (highest - lowest));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${lowest} and ${highest}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => {
      server.close(() => resolve(true));
    });
  });
}
