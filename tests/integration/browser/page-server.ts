import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

/** Somebody's web server, with a page that has the client libraries as modules. */
export interface PageServer {
  readonly port: number;
  /** The cookies of the last request for a page. */
  readonly cookies: string;
  close(): Promise<void>;
}

const root = join(import.meta.dirname, "../../..");

/** Where each module of the page is; the last is asked for, and used on servers only. */
const imports = {
  openai: "/node_modules/openai/index.mjs",
  "@anthropic-ai/sdk": "/node_modules/@anthropic-ai/sdk/index.mjs",
  "@opentelemetry/api": "/node_modules/@opentelemetry/api/dist/index.mjs",
  "@tandem/sdk": "/clients/sdk/index.ts",
  standardwebhooks: "data:text/javascript,export class Webhook {}",
};

const page =
  `<!doctype html><title>A page</title>` +
  `<script type="importmap">${JSON.stringify({ imports })}</script>`;

const served = /^\/(node_modules\/(openai|@anthropic-ai\/sdk|@opentelemetry\/api)|clients\/sdk)\//;

export async function startPageServer(): Promise<PageServer> {
  let cookies = "";
  const server = createServer((request, response) => {
    if (request.url === "/") cookies = request.headers.cookie ?? "";
    answerTo(request).then(
      ({ type, body }) => response.setHeader("content-type", type).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get cookies() {
      return cookies;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerTo({ url = "" }: IncomingMessage): Promise<{ type: string; body: string }> {
  if (url === "/") return { type: "text/html", body: page };
  const path = normalize(url);
  if (!served.test(path)) throw new Error("nothing here");
  const text = await readFile(join(root, path), "utf8");
  const isTyped = extname(path) === ".ts";
  return { type: "text/javascript", body: isTyped ? stripTypeScriptTypes(text) : text };
}
