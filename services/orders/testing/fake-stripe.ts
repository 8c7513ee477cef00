/**
 * A payment provider in Stripe's style on a loopback port: checkout sessions, refunds and signed
 * events, with the state of each payment set by the test. It keeps idempotency keys as the real
 * one does.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { signatureOf } from "../providers/stripe/stripe-signature.ts";

export interface FakeSession {
  readonly id: string;
  readonly paymentId: string;
  readonly amount: number;
  readonly currency: string;
  paid: boolean;
  status: "open" | "complete" | "expired";
  refunded: number;
  dispute: string;
}

export interface SignedEvent {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export class FakeStripe {
  readonly secretKey = "sk_test_of_a_test";
  readonly webhookSecret = "whsec_of_a_test";
  readonly sessions = new Map<string, FakeSession>();
  readonly calls: string[] = [];
  /** Answers this status to everything, or breaks its answers off. */
  trouble: "none" | "error" | "half" | "refuse_refunds" = "none";
  readonly #answers = new Map<string, string>();
  readonly #server: Server;
  #serial = 0;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The session of the payment with this id. */
  of(paymentId: string): FakeSession {
    const found = [...this.sessions.values()].find((session) => session.paymentId === paymentId);
    if (found === undefined) throw new Error(`no session for ${paymentId}`);
    return found;
  }

  pay(session: FakeSession): void {
    session.paid = true;
    session.status = "complete";
  }

  /** A session that nobody here asked for, or with other figures than were asked. */
  add(given: Partial<FakeSession>): FakeSession {
    this.#serial += 1;
    const session: FakeSession = {
      id: `cs_${this.#serial}`,
      paymentId: "",
      amount: 1000,
      currency: "usd",
      paid: false,
      status: "open",
      refunded: 0,
      dispute: "",
      ...given,
    };
    this.sessions.set(session.id, session);
    return session;
  }

  /** An event about a session, signed now unless told otherwise. */
  event(
    session: FakeSession,
    given: {
      readonly id?: string;
      readonly type?: string;
      readonly secret?: string;
      readonly atMs?: number;
      readonly object?: Readonly<Record<string, unknown>>;
    } = {},
  ): SignedEvent {
    this.#serial += 1;
    const object = given.object ?? {
      id: session.id,
      object: "checkout.session",
      client_reference_id: session.paymentId,
    };
    const type = given.type ?? "checkout.session.completed";
    const body = Buffer.from(
      JSON.stringify({ id: given.id ?? `evt_${this.#serial}`, type, data: { object } }),
    );
    const seconds = Math.floor((given.atMs ?? Date.now()) / 1000);
    const signature = signatureOf(given.secret ?? this.webhookSecret, seconds, body);
    return { body, headers: { "stripe-signature": `t=${seconds},v1=${signature}` } };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://provider");
    const fields = new URLSearchParams(Buffer.concat(chunks).toString());
    this.calls.push(`${request.method} ${url.pathname}`);
    const send = (status: number, body: unknown): void => {
      const text = JSON.stringify(body);
      if (this.trouble === "half") {
        response.writeHead(200, { "content-length": text.length + 10 });
        response.write(text.slice(0, 5), () => response.destroy());
        return;
      }
      response.writeHead(status, { "content-type": "application/json" }).end(text);
    };
    if (request.headers.authorization !== `Bearer ${this.secretKey}`) return send(401, {});
    if (this.trouble === "error") return send(500, {});
    const key = String(request.headers["idempotency-key"] ?? "");
    const known = this.#answers.get(key);
    if (request.method === "POST" && known !== undefined) return send(200, JSON.parse(known));
    const answer = this.#answer(request.method ?? "", url, fields);
    if (answer === undefined) return send(404, { error: { code: "resource_missing" } });
    if ("error" in answer) return send(402, answer);
    if (request.method === "POST") this.#answers.set(key, JSON.stringify(answer));
    send(200, answer);
  }

  #answer(method: string, url: URL, fields: URLSearchParams): object | undefined {
    const { pathname } = url;
    if (method === "POST" && pathname === "/v1/checkout/sessions") {
      const session = this.add({
        paymentId: fields.get("client_reference_id") ?? "",
        amount: Number(fields.get("line_items[0][price_data][unit_amount]")),
        currency: fields.get("line_items[0][price_data][currency]") ?? "",
      });
      return this.#tell(session);
    }
    if (method === "POST" && pathname === "/v1/refunds") {
      if (this.trouble === "refuse_refunds") return { error: { code: "charge_disputed" } };
      const session = this.sessions.get((fields.get("payment_intent") ?? "").slice(3));
      if (session === undefined) return undefined;
      session.refunded += Number(fields.get("amount"));
      return { id: `re_${session.id}_${session.refunded}`, status: "succeeded" };
    }
    if (pathname === "/v1/checkout/sessions") {
      const intent = url.searchParams.get("payment_intent");
      const found = [...this.sessions.values()].filter(
        ({ id }) => intent === null || `pi_${id}` === intent,
      );
      return { data: found.map((session) => this.#tell(session)), has_more: false };
    }
    const session = this.sessions.get(pathname.split("/").at(-1) ?? "");
    return session === undefined ? undefined : this.#tell(session);
  }

  #tell(session: FakeSession): object {
    return {
      id: session.id,
      url: `https://pay.example.com/${session.id}`,
      client_reference_id: session.paymentId,
      payment_status: session.paid ? "paid" : "unpaid",
      status: session.status,
      amount_total: session.amount,
      currency: session.currency,
      payment_intent: {
        id: `pi_${session.id}`,
        status: session.paid ? "succeeded" : "requires_payment_method",
        latest_charge: session.paid
          ? {
              amount_refunded: session.refunded,
              dispute: session.dispute === "" ? null : { status: session.dispute },
            }
          : null,
      },
    };
  }
}
