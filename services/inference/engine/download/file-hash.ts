import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

const blockBytes = 1024 * 1024;

/** SHA-256 of a file in lower-case hex. About 0.1 to 0.4 s for 100 MB. */
export async function sha256OfFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const blocks = createReadStream(path, { highWaterMark: blockBytes, signal });
  for await (const block of blocks as AsyncIterable<Buffer>) hash.update(block);
  return hash.digest("hex");
}
