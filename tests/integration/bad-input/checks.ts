import assert from "node:assert/strict";
import { z } from "zod";
import type { Product } from "../product.ts";
import { chatRequest, type RawAnswer, rawRequest } from "../raw-door.ts";

const errorSchema = z.object({
  error: z.looseObject({
    message: z.string().min(1),
    type: z.string().min(1),
    param: z.string().nullable().optional(),
    code: z.string().nullable().optional(),
  }),
});

/** What the inference plane's clients parse: never another shape, whatever went wrong. */
export function assertDialectError(answer: RawAnswer, statuses: readonly number[]): void {
  assert.ok(statuses.includes(answer.status), `status ${answer.status}: ${answer.body}`);
  assert.match(answer.headers["content-type"] ?? "", /^application\/json/);
  errorSchema.parse(JSON.parse(answer.body));
  assert.match(answer.headers["x-request-id"] ?? "", /^req_/);
}

/** A body that is sent with the framing right, and whatever else is wrong with it. */
export function ask(
  product: Product,
  body: string | Buffer | object,
  given: { readonly key?: string; readonly fields?: Readonly<Record<string, string>> } = {},
): Promise<RawAnswer> {
  const bytes = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const authorization = `Bearer ${given.key ?? product.tandem.apiKey}`;
  const fields = { authorization, ...given.fields };
  const patienceMs = 30_000;
  return rawRequest({ port: product.port, bytes: chatRequest(bytes, fields), patienceMs });
}

export function goodBody(content = "Bonjour"): {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
} {
  return { model: "mock-1", messages: [{ role: "user", content }] };
}

let asked = 0;

/**
 * Runs what is bad, then checks that it left nothing behind: no process died, the upstream was not
 * asked, no credit is gone or held, and a good call is answered.
 */
export async function leavesNoTrace(product: Product, bad: () => Promise<void>): Promise<void> {
  const before = await quiet(product);
  await bad();
  const after = await quiet(product);
  assert.deepEqual(after, before);
  asked += 1;
  const good = await ask(product, goodBody(`after ${asked} of ${performance.timeOrigin}`));
  assert.equal(good.status, 200, good.body);
}

type Vitals = Awaited<ReturnType<typeof vitals>>;

/** Usage is settled in batches, so credit is what it is once it stands still. */
async function quiet(product: Product): Promise<Vitals> {
  let last = await vitals(product);
  for (let round = 0; round < 50; round += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    const next = await vitals(product);
    if (JSON.stringify(next) === JSON.stringify(last) && round > 3) return next;
    last = next;
  }
  return last;
}

async function vitals({ tandem, engine, manage }: Product) {
  const { processes } = await tandem.status();
  const wallet = await manage("GET", "/wallet");
  return {
    pids: processes.map(({ name, pid }) => `${name} ${pid}`),
    calls: engine.calls.length,
    credit: wallet["total"],
  };
}
