import type { Exchange } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import { faults } from "./faults.ts";
import { respondFault } from "./operations/answer.ts";
import { completeChat } from "./operations/complete-chat.ts";
import { completeText } from "./operations/complete-text.ts";
import { createEmbeddings } from "./operations/create-embeddings.ts";
import { listModels, showModel } from "./operations/list-models.ts";
import type { Operation, OperationTools } from "./operations/operation-tools.ts";
import { showStatus } from "./operations/show-status.ts";

const operations: Readonly<Record<string, Operation>> = {
  "POST /v1/chat/completions": completeChat,
  "POST /v1/completions": completeText,
  "POST /v1/embeddings": createEmbeddings,
  "GET /v1/models": listModels,
  "GET /engine/status": showStatus,
};

/** Answers an exchange; every failure becomes an answer, and nothing is thrown. */
export async function route(exchange: Exchange, tools: OperationTools): Promise<void> {
  try {
    await operationOf(exchange)(exchange, tools);
  } catch (error) {
    const fault = Fault.from(error);
    if (fault.reason === "platform.bug") {
      tools.log.error("engine_request_failed", {
        error: fault.detail ?? "",
        path: exchange.head.path,
      });
    }
    respondFault(exchange, fault);
  }
}

function operationOf({ head }: Exchange): Operation {
  const found = operations[`${head.method} ${head.path}`];
  if (found !== undefined) return found;
  if (head.method === "GET" && head.path.startsWith("/v1/models/")) return showModel;
  throw faults.path_unknown({ publicMessage: `There is no ${head.method} ${head.path} here.` });
}
