import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { openHotStore } from "@tandem/libs/store/hot";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { listeningExchange } from "../testing/listening-exchange.ts";
import { AnswerListener } from "./answer-listener.ts";
import { KeptAnswer } from "./kept-answer.ts";
import { newStreamMeta, StreamStore } from "./stream-store.ts";

const none = (): void => undefined;
const headers = { get: () => undefined, has: () => false, entries: () => [][Symbol.iterator]() };
const path = "/v1/chat/completions";
const head = { method: "POST", target: path, path, query: "", headers, contentLength: 0 };

test("what goes wrong is told behind what was said before, and before its own event", async () => {
  const world = realWorld();
  const log = createLog({ level: "error", fields: {}, write: none });
  const store = new StreamStore(await openHotStore("memory:", { world, log }), { ttlMs: 60_000 });
  const { told, exchange } = listeningExchange(head, (chunk) => [
    /data: (.*)/.exec(chunk)?.[1] ?? "",
  ]);
  const meta = newStreamMeta({ maker: "a", requestId: "req_1", fingerprint: "" });
  const request = { head, protocol: "http/1.1", remoteAddress: "", body: Buffer.alloc(0) } as const;
  await new Promise<void>((onOver) => {
    const answer = new KeptAnswer({
      ...{ world, log, store, meta, request, events: [], onOver },
      ...{ place: { organisationId: "o", id: "n" }, graceMs: 1_000, bytesMax: 10_000 },
    });
    answer.tell(new AnswerListener(exchange, 0));
    answer.startStream(200, [["content-type", "text/event-stream"]]);
    answer.write("data: one\n\n");
    answer.write("data: two\n\n");
    answer.noteFault(new Fault({ code: "unavailable", reason: "ai.broken", publicMessage: "" }));
    answer.write("data: error\n\n");
    answer.cut();
  });
  assert.deepEqual(told, ["one", "two", "ai.broken", "error", "cut"]);
});
