/** Two articles replicas on one real database, a stand-in for the audit log, and one encoder. */
import { createServer, type Server } from "node:http";
import { ArticlesService } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { type Handlers, implement, type PassportClaims, type RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica, serveRpc } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { start } from "./main.ts";

export type ArticlesClient = RpcClient<(typeof ArticlesService)["method"]>;

type AuthHandlers = Handlers<(typeof AuthService)["method"]>;

/** An encoder of its own kind: what shares words is near, and `synonyms` are one word. */
export interface TestEncoder {
  /** Texts that were asked for, in order. */
  readonly asked: string[];
  state: "up" | "refuses" | "hangs" | "lies" | "away";
  close(): Promise<void>;
}

export interface ArticlesHouse {
  readonly first: ArticlesClient;
  readonly second: ArticlesClient;
  readonly postgres: TestPostgres;
  readonly databaseUrl: string;
  /** Actions as the audit log was told them. */
  readonly told: string[];
  readonly encoder: TestEncoder;
  close(): Promise<void>;
}

export const projectA = `prj_${"a".repeat(26)}`;
export const projectB = `prj_${"b".repeat(26)}`;

/** A person who writes, in an organisation; by session unless a key is given. */
export function asEditor(
  organisationId: string,
  given: Partial<PassportClaims> = {},
): { readonly caller: PassportClaims; readonly deadlineMs: number } {
  const caller = {
    organisationId,
    projectId: "",
    userId: "usr_editor",
    keyId: "",
    sessionId: "ses_1",
    scopes: [],
    roles: ["developer"],
    ...given,
  };
  return { caller, deadlineMs: 20_000 };
}

/** A key that calls models for a project, and manages nothing. */
export function asKey(organisationId: string, projectId = projectA) {
  return asEditor(organisationId, {
    ...{ projectId, userId: "", sessionId: "", roles: [] },
    keyId: "key_1",
    scopes: ["inference"],
  });
}

export function asViewer(organisationId: string, projectId = "") {
  return asEditor(organisationId, { projectId, roles: ["viewer"] });
}

export async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await what())) {
    if (performance.now() > endMs) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

export async function openArticlesHouse(): Promise<ArticlesHouse> {
  const house = createTestHouse({
    replicas: ["articles/1", "articles/2", "auth/1", "engine/1", "business/1"],
    calls: { business: ["articles"], articles: ["auth", "engine"] },
  });
  const postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const gateway = house.site("business/1");
  const lifecycle = createLifecycle(gateway);
  const encoder = await openEncoder(house.site("engine/1").address.slice("unix:".length));
  const told: string[] = [];
  const authSite = house.site("auth/1");
  const auditLog: Pick<AuthHandlers, "recordAudit"> = {
    recordAudit: async ({ entry }) => {
      told.push(entry?.action ?? "");
      return {};
    },
  };
  const settings = { encoder: { questionPatienceMs: "300ms" } };
  const sites = [
    house.site("articles/1", { databaseUrl, settings }),
    house.site("articles/2", { databaseUrl, settings }),
  ] as const;
  const replicas: readonly Replica[] = [
    await serveRpc(authSite, createLifecycle(authSite), [
      implement(AuthService, auditLog as AuthHandlers),
    ]),
    ...(await Promise.all(sites.map((site) => start(site)))),
  ];
  const connect = (address: Replica["address"]): ArticlesClient =>
    connectRpc(gateway, lifecycle, { service: ArticlesService, deployable: "articles", address });
  return {
    first: connect(sites[0].address),
    second: connect(sites[1].address),
    ...{ postgres, databaseUrl, told, encoder },
    async close() {
      await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
      for (const replica of replicas) await replica.close({ deadlineMs: 1_000 });
      await encoder.close();
      await postgres.stop();
      house.close();
    },
  };
}

const width = 1_024;
const synonyms: Readonly<Record<string, string>> = { automobile: "car", purchase: "buy" };

async function openEncoder(path: string): Promise<TestEncoder> {
  const encoder: TestEncoder = {
    asked: [],
    state: "up",
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const server: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      if (encoder.state === "hangs") return;
      if (encoder.state === "away") request.socket.destroy();
      else if (encoder.state === "refuses") response.writeHead(503).end("{}");
      else if (encoder.state === "lies") response.end('{"data":[{"embedding":["x"]}]}');
      else {
        const { input } = JSON.parse(body) as { input: string[] };
        if (input.some((text) => text.length > 4_000)) {
          response.writeHead(400).end("{}");
          return;
        }
        encoder.asked.push(...input);
        const data = input.map((text, index) => ({ index, embedding: vectorOf(text) }));
        response.end(JSON.stringify({ data }));
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return encoder;
}

function vectorOf(text: string): readonly number[] {
  const vector = new Array<number>(width).fill(0.001);
  for (const word of text.toLowerCase().match(/\p{L}{3,}/gu) ?? []) {
    const known = synonyms[word] ?? word;
    let hash = 7;
    for (const letter of known) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003;
    const place = hash % width;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  return vector;
}
