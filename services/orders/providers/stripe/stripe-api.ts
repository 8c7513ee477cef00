import { z } from "zod";
import { ordersFaults } from "../../faults.ts";

const timeoutMs = 5_000;
const answerBytesMax = 1024 * 1024;

/** One call of the provider's REST API: forms in, JSON out, idempotent by key. */
export interface StripeApi {
  get(path: string): Promise<unknown>;
  /** Undefined where there is no such thing. */
  find(path: string): Promise<unknown | undefined>;
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    idempotencyKey: string,
  ): Promise<unknown>;
}

const errorSchema = z.object({ error: z.object({ code: z.string().optional() }).optional() });

/**
 * Throws `orders.provider_away` when it did not answer, or not like itself, and
 * `orders.provider_refused` when it answered no. Never follows a redirect: a secret goes along.
 */
export function createStripeApi(options: {
  readonly baseUrl: string;
  readonly secretKey: string;
}): StripeApi {
  const call = async (method: "GET" | "POST", path: string, init: RequestInit = {}) => {
    const response = await send(`${options.baseUrl}${path}`, {
      ...init,
      method,
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
      headers: { ...init.headers, authorization: `Bearer ${options.secretKey}` },
    });
    return { status: response.status, body: await readAnswer(response) };
  };
  return {
    async get(path) {
      const { status, body } = await call("GET", path);
      return accepted(status, body);
    },
    async find(path) {
      const { status, body } = await call("GET", path);
      return status === 404 ? undefined : accepted(status, body);
    },
    async post(path, fields, idempotencyKey) {
      const { status, body } = await call("POST", path, {
        body: new URLSearchParams(fields).toString(),
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "idempotency-key": idempotencyKey,
        },
      });
      return accepted(status, body);
    },
  };
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    throw ordersFaults.provider_away({ detail: String(cause), cause });
  }
}

async function readAnswer(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > answerBytesMax) throw new RangeError("the answer is too long");
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    throw ordersFaults.provider_away({ detail: `half an answer: ${String(cause)}`, cause });
  }
}

function accepted(status: number, body: unknown): unknown {
  if (status >= 200 && status < 300) return body;
  const code = errorSchema.safeParse(body).data?.error?.code ?? "";
  const detail = `${status} ${code}`;
  // 409 and 429 are "not now": the same key may be sent again.
  if (status >= 500 || status === 429 || status === 409) {
    throw ordersFaults.provider_away({ detail });
  }
  throw ordersFaults.provider_refused({ detail });
}
