/**
 * Alerts of the running product: faults are made for real, and seen through the public door, the
 * command line and a webhook, as an operator sees them.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startTestPostgres } from "@tandem/libs/testing";
import { z } from "zod";
import { openProduct } from "./product.ts";

const incidentSchema = z.object({
  id: z.string(),
  alert: z.string(),
  subject: z.string(),
  severity: z.string(),
  reason: z.string(),
  opened_at: z.string(),
  closed_at: z.string().nullable(),
  runbook: z.string(),
});
const listSchema = z.object({ data: z.array(incidentSchema) });
type Incident = z.output<typeof incidentSchema>;

const run = promisify(execFile);
const tool = fileURLToPath(new URL("../../clients/cli/bin/tandem.mjs", import.meta.url));

const heard: { readonly state: string; readonly alert: string; readonly id: string }[] = [];
const receiver = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  request.on("end", () => {
    heard.push(JSON.parse(text) as (typeof heard)[number]);
    response.end();
  });
});
await new Promise<void>((resolve) => {
  receiver.listen(0, "127.0.0.1", resolve);
});
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
const postgres = await startTestPostgres();
const product = await openProduct({
  environment: { DATABASE_URL: await postgres.createDatabase() },
  settings: {
    monitoring: { alertWebhook: { url, privateAddresses: "allow" } },
    // Long enough to look through the public door while nobody can say whether a key is revoked.
    access: { identityOutageMs: "10m" },
  },
});
const { tandem, engine } = product;
after(async () => {
  await product.close();
  await postgres.stop();
  receiver.close();
});

async function alerts(): Promise<readonly Incident[]> {
  return listSchema.parse(await product.manage("GET", "/alerts")).data;
}

async function untilAlerts(
  what: string,
  isSo: (names: ReadonlySet<string>) => boolean,
): Promise<readonly Incident[]> {
  const deadlineMs = performance.now() + 90_000;
  for (;;) {
    // Those who are asked are killed in between.
    const open = await alerts().catch(() => undefined);
    if (
      open !== undefined &&
      isSo(new Set(open.map(({ alert, subject }) => `${alert} ${subject}`)))
    ) {
      return open;
    }
    assert.ok(performance.now() < deadlineMs, `${what}: ${JSON.stringify(open)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  }
}

const wanted = [
  "service-down orders",
  "service-down analytics",
  "upstream-unavailable mock",
  "database-unreachable postgresql",
];

test("real faults open their alerts, and their end closes them; the log remembers both", async () => {
  // Known to both gateways from now on, so that it may ask while the database is away.
  for (let asked = 0; asked < 30; asked += 1) await alerts();
  const { rules } = z
    .object({ rules: z.array(z.object({ alert: z.string(), runbook: z.string() })) })
    .parse(await product.manage("GET", "/alerts"));
  assert.ok(rules.every(({ alert, runbook }) => runbook === `docs/runbooks/${alert}.md`));
  for (const name of ["business-services-1", "business-services-2"]) {
    await tandem.control(`stop/${name}`);
  }
  await engine.close();
  await untilAlerts("it is not called", (names) => names.has("upstream-unavailable mock"));
  await postgres.kill();
  const open = await untilAlerts("all are open", (names) => wanted.every((one) => names.has(one)));
  const database = open.find(({ alert }) => alert === "database-unreachable");
  assert.equal(database?.severity, "critical");
  assert.match(database?.reason ?? "", /auth/);
  // The log is away: what there is is answered, and marked.
  const answer = await fetch(`${tandem.adminUrl}/incidents`, {
    headers: { authorization: `Bearer ${tandem.adminKey}` },
  });
  assert.equal(answer.status, 200, await answer.text());
  assert.match(answer.headers.get("x-tandem-degraded") ?? "", /incident-log-away/);
  // Who watches may die in the middle of it, and comes back without the database.
  await tandem.kill("monitoring-1");
  await tandem.kill("monitoring-2");
  await untilAlerts("still open", (names) => names.has("database-unreachable postgresql"));

  const cli = ["--data", tandem.dataDirectory];
  const { stdout } = await run(process.execPath, [tool, "alerts", ...cli]);
  assert.match(stdout, /critical +database-unreachable +postgresql .*database-unreachable\.md/);
  const checked = run(process.execPath, [tool, "alerts", "--check", ...cli]);
  await assert.rejects(checked, { code: 8 });
  const status = await run(process.execPath, [tool, "status", ...cli]);
  assert.match(status.stdout, /alerts: \d+ open\n/);

  await postgres.start();
  for (const name of ["business-services-1", "business-services-2"]) {
    await tandem.control(`start/${name}`);
  }
  await untilAlerts("all are over", (names) =>
    wanted.filter((one) => !one.startsWith("upstream")).every((one) => !names.has(one)),
  );
  const log = listSchema.parse(await product.manage("GET", "/incidents?limit=100")).data;
  for (const one of wanted) {
    const found = log.filter(({ alert, subject }) => `${alert} ${subject}` === one);
    assert.equal(found.length, 1, one);
    // Nobody has started the engine again.
    const isOver = one !== "upstream-unavailable mock";
    assert.equal(found[0]?.closed_at !== null, isOver, one);
  }
  for (const state of ["open", "closed"]) {
    assert.ok(heard.some((one) => one.state === state && one.alert === "database-unreachable"));
  }
});

test("figures and alerts are scraped through the public door, by operators only", async () => {
  const scrape = (key: string): Promise<Response> =>
    fetch(`${tandem.adminUrl}/figures`, { headers: { authorization: `Bearer ${key}` } });
  const text = await (await scrape(tandem.adminKey)).text();
  // The engine behind both upstreams is still closed.
  assert.match(text, /^tandem_alert_open\{alert="upstream-unavailable",severity="warning"\} 2$/m);
  assert.match(
    text,
    /^tandem_router_requests_total\{gateway="access",.*process="router-1 \d+"\} /m,
  );
  assert.match(text, /^# TYPE tandem_ledger_drift_nanos gauge$/m);
  assert.equal((await scrape(tandem.apiKey)).status, 403);
});
