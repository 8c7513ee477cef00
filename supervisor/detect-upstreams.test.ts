import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { after, describe, test } from "node:test";
import { detectUpstreams } from "./detect-upstreams.ts";
import { findProviderKeys } from "./provider-keys.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("detectUpstreams", () => {
  test("finds what lists models, and takes nothing else for a model server", async () => {
    const model = await serve((_, response) => response.end('{"data":[{"id":"a"},{"id":"b"}]}'));
    const page = await serve((_, response) => response.end("<html>hello</html>"));
    const closed = await serve((_, response) => response.writeHead(401).end('{"data":[]}'));
    const hanging = await serve(() => {});
    const found = await detectUpstreams([
      { name: "vllm", profile: "vllm", port: model },
      { name: "page", profile: "generic", port: page },
      { name: "closed", profile: "generic", port: closed },
      { name: "hanging", profile: "generic", port: hanging },
      { name: "nobody", profile: "generic", port: 1 },
    ]);
    assert.deepEqual(found, [
      { name: "vllm", profile: "vllm", baseUrl: `http://127.0.0.1:${model}/v1`, models: 2 },
    ]);
  });
});

describe("findProviderKeys", () => {
  test("lists foreign keys, not our own from a sourced dev.env", () => {
    const keys = findProviderKeys({
      OPENAI_API_KEY: "sk-tdm-dev_x",
      DEEPSEEK_API_KEY: "sk-1",
      ANTHROPIC_API_KEY: " ",
    });
    assert.deepEqual(
      keys.map(({ variable }) => variable),
      ["DEEPSEEK_API_KEY"],
    );
  });
});
