import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

test("what is published is plain JavaScript that imports nothing, and works", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tandem-sdk-"));
  execFileSync(process.execPath, [join(import.meta.dirname, "build.mjs"), folder]);
  const modules = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const sources = modules.filter((name) => name.endsWith(".js"));
  for (const name of sources) {
    const text = readFileSync(join(folder, name), "utf8");
    const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, from]) => from ?? "");
    assert.ok(
      imports.every((from) => /^\.\.?\/[\w./-]+\.js$/.test(from)),
      `${name}: ${imports}`,
    );
  }
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    if (asked === 1) request.socket.destroy();
    else response.setHeader("content-type", "application/json").end('{"ok":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { createFetch } = (await import(join(folder, "index.js"))) as {
      readonly createFetch: () => typeof fetch;
    };
    const { port } = server.address() as AddressInfo;
    const response = await createFetch()(`http://127.0.0.1:${port}/`, {
      method: "POST",
      body: "x",
    });
    assert.deepEqual(await response.json(), { ok: true });
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
