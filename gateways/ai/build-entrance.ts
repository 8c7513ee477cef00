import type { ExchangeHandler } from "@tandem/libs/http";
import type { Lifecycle } from "@tandem/libs/service";
import type { HotStore } from "@tandem/libs/store/hot";
import type { ReadParts } from "./reads/read.ts";
import { BackgroundEdge } from "./responses/background-edge.ts";
import type { RequestSeal } from "./responses/request-seal.ts";
import { ResumeEdge } from "./resume/resume-edge.ts";
import { createRpcEdge } from "./rpc/rpc-edge.ts";
import { createSocketEdge } from "./websocket/socket-edge.ts";

/** Answers that outlive their connections may take as long as streams do. */
const finishDeadlineMs = 600_000;

/** The other transports, each of which goes on as requests of the JSON API; `next` answers those. */
export function buildEntrance(
  lifecycle: Lifecycle,
  given: {
    readonly parts: ReadParts;
    readonly hotStore: HotStore;
    readonly requestSeal: RequestSeal;
    readonly next: ExchangeHandler;
  },
): ExchangeHandler {
  const { parts, hotStore, requestSeal: seal, next } = given;
  const background = new BackgroundEdge({ parts, hotStore, seal, next });
  lifecycle.defer("responses in the background", (options) => background.close(options), {
    deadlineMs: finishDeadlineMs,
  });
  const resume = new ResumeEdge({ parts, hotStore, next: background.handle });
  lifecycle.defer("answers nobody listens to", (options) => resume.close(options), {
    deadlineMs: finishDeadlineMs,
  });
  const sockets = createSocketEdge({ parts, resume, next: resume.handle });
  lifecycle.onDrain(() => sockets.drain());
  return createRpcEdge({
    world: parts.world,
    messageLimitBytes: parts.config.bodyLimitBytes,
    next: sockets.handle,
  });
}
