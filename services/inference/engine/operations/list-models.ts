import type { Exchange } from "@tandem/libs/http";
import { describeState } from "../core/model-state.ts";
import { faults } from "../faults.ts";
import type { ModelHost } from "../generation/model-host.ts";
import { jsonFields } from "./answer.ts";
import type { Operation } from "./operation-tools.ts";

const capabilities = {
  generate: ["chat", "completions", "prefix", "json_schema", "logprobs"],
  embed: ["embeddings"],
} as const;

function modelBody({ facts, state }: ModelHost<unknown>, createdMs: number): object {
  return {
    id: facts.id,
    object: "model",
    created: Math.floor(createdMs / 1000),
    owned_by: "tandem-engine",
    name: facts.name,
    license: facts.license,
    note: facts.note,
    size_bytes: facts.sizeBytes,
    context_length: facts.contextTokens,
    max_model_len: facts.contextTokens,
    capabilities: capabilities[facts.purpose],
    ...describeState(state),
  };
}

/** `GET /v1/models`: what there is and how far it is; its fields tell how busy this process is. */
export const listModels: Operation = (exchange, { engine, world, load }) => {
  const nowMs = world.clock.nowMs();
  const data = engine.hosts().map((host) => modelBody(host, nowMs));
  const { cpu, memory } = load.read();
  const fields = [
    ["x-tandem-cpu", cpu.toFixed(3)],
    ["x-tandem-memory", memory.toFixed(3)],
  ] as const;
  exchange.respond(200, [...jsonFields, ...fields], JSON.stringify({ object: "list", data }));
};

/** `GET /v1/models/{id}` */
export const showModel: Operation = (exchange, { engine, world }) => {
  const name = exchange.head.path.slice("/v1/models/".length);
  const hosts: readonly ModelHost<unknown>[] = engine.hosts();
  const host = hosts.find(({ facts: { id } }) => name === id || name === encodeURIComponent(id));
  if (host === undefined) throw faults.model_unknown();
  respond(exchange, modelBody(host, world.clock.nowMs()));
};

function respond(exchange: Exchange, body: object): void {
  exchange.respond(200, jsonFields, JSON.stringify(body));
}
