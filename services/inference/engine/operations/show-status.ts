import { describeState } from "../core/model-state.ts";
import { jsonFields } from "./answer.ts";
import type { Operation } from "./operation-tools.ts";

/** `GET /engine/status`: runtime, models and queues, for people and the first start's display. */
export const showStatus: Operation = (exchange, { engine }) => {
  const { generationLane, embeddingLane } = engine;
  const body = {
    runtime: engine.runtime.state,
    models: engine.hosts().map(({ facts, state }) => ({ id: facts.id, ...describeState(state) })),
    queue: {
      running: generationLane.running,
      waiting: generationLane.waiting,
      embeddings_running: embeddingLane.running,
      embeddings_waiting: embeddingLane.waiting,
    },
  };
  exchange.respond(200, jsonFields, JSON.stringify(body));
};
