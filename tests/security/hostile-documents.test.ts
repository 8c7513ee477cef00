/**
 * Every operation of the management plane's OpenAPI documents with hostile bodies, fields,
 * parameters and queries, through the public door: each is refused clearly or comes out to be
 * allowed, none is a 5xx, and nobody dies of it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { problemMediaType } from "@tandem/libs/gateway";
import { httpRequest } from "@tandem/libs/testing";
import { openProduct, type Product } from "../integration/product.ts";
import { type BadCall, badCallsOf, placesOf } from "./document-calls.ts";

let product: Product;

before(async () => {
  product = await openProduct();
});
after(() => product.close());

const callsAtOnce = 6;

async function problemWith(call: BadCall): Promise<string | undefined> {
  const { tandem, port } = product;
  const answer = await httpRequest(`tcp:127.0.0.1:${port}`, {
    ...{ method: call.method, path: call.path, mayBeCut: true },
    headers: { ...call.headers, authorization: `Bearer ${tandem.adminKey}` },
    ...(call.body !== undefined && { body: call.body }),
  }).catch((error: unknown) => String(error));
  const name = `${call.operationId}, ${call.what}`;
  if (typeof answer === "string") return `${name}: ${answer}`;
  const { status, text, headers, json } = answer;
  const shown = `${name}: ${status} ${text.slice(0, 200)}`;
  if (status >= 500 || status === 401) return shown;
  if (status < 400) return call.mustRefuse ? shown : undefined;
  const problem = (json ?? {}) as Record<string, unknown>;
  const isClear =
    headers["content-type"] === problemMediaType &&
    problem["status"] === status &&
    /^req_/.test(String(problem["request_id"])) &&
    typeof problem["detail"] === "string";
  return isClear ? undefined : `not clear, ${shown}`;
}

async function problemsWith(calls: readonly BadCall[]): Promise<readonly string[]> {
  const problems: string[] = [];
  const left = calls.values();
  const work = async (): Promise<void> => {
    for (const call of left) {
      const problem = await problemWith(call);
      if (problem !== undefined) problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: callsAtOnce }, work));
  return problems;
}

describe("hostile calls made from the documents", () => {
  for (const gateway of ["access", "business", "ai"]) {
    test(`${gateway}: every operation refuses them clearly`, async (context) => {
      const calls = placesOf(gateway).flatMap(badCallsOf);
      context.diagnostic(`${calls.length} calls`);
      assert.deepEqual(await problemsWith(calls), []);
    });
  }

  test("afterwards no process has died, nothing broke, and the books stand", async () => {
    const { tandem, manage } = product;
    const { processes } = await tandem.status();
    assert.deepEqual(
      processes.filter(({ deaths }) => deaths > 0),
      [],
    );
    const folder = join(tandem.dataDirectory, "logs");
    const broken = readdirSync(folder).flatMap((name) =>
      readFileSync(join(folder, name), "utf8")
        .split("\n")
        .filter((line) => /"request_broken"|unhandled/i.test(line)),
    );
    assert.deepEqual(broken, []);
    assert.equal((await manage("GET", "/ledger/verify"))["ok"], true);
    assert.equal((await manage("GET", "/audit/verify"))["ok"], true);
  });
});
