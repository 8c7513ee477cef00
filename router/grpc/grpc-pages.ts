import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} from "@tandem/contracts/rpc/grpc/health/v1/health_pb";
import type { Exchange } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import {
  contentTypeOf,
  EnvelopeReader,
  encodeEnvelope,
  envelopeFlags,
  type RpcForm,
  rpcFailure,
  rpcFormOf,
  streamEnd,
} from "@tandem/libs/rpc";
import type { Timer, World } from "@tandem/libs/world";
import { routerFaults } from "../faults.ts";
import { answerReflection } from "./reflection.ts";

/** What the router answers itself of gRPC: its own health, and what it serves. */
export interface GrpcPages {
  /** False: not one of them. */
  answer(exchange: Exchange): boolean;
  stop(): void;
}

const healthPrefix = "/grpc.health.v1.Health/";
const reflectionPath = /^\/grpc\.reflection\.v1(alpha)?\.ServerReflection\/ServerReflectionInfo$/;
const messageBytesMax = 65_536;
const watchPeriodMs = 250;

/** Services that have a health: all of them, and the one that people come for. */
const services = ["", "tandem.v1.Inference"];

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
type ServingStatus = HealthCheckResponse_ServingStatus;

export function createGrpcPages(given: {
  readonly world: World;
  readonly isServing: () => boolean;
}): GrpcPages {
  const watches = new Watches(given.world);
  const health = { statusOf: () => (given.isServing() ? SERVING : NOT_SERVING), watches };
  return {
    stop: () => watches.close(),
    answer(exchange) {
      const { path, method, headers } = exchange.head;
      const isHealth = path.startsWith(healthPrefix);
      if (!isHealth && !reflectionPath.test(path)) return false;
      const form = rpcFormOf(headers.get("content-type"));
      if (method !== "POST" || form?.protocol !== "grpc-web") {
        exchange.respond(method === "POST" ? 415 : 405, [], "");
      } else if (isHealth) void answerHealth(exchange, form, health);
      else reflect(exchange, form);
      return true;
    },
  };
}

/** Looks for those who watch, while there are any. */
class Watches {
  readonly #world: World;
  readonly #looks = new Set<() => void>();
  #timer: Timer | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  add(look: () => void): void {
    this.#looks.add(look);
    this.#timer ??= this.#world.timers.every(watchPeriodMs, () => {
      for (const each of this.#looks) each();
    });
  }

  delete(look: () => void): void {
    this.#looks.delete(look);
    if (this.#looks.size === 0) this.close();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

interface Health {
  readonly statusOf: () => ServingStatus;
  readonly watches: Watches;
}

async function answerHealth(exchange: Exchange, form: RpcForm, health: Health): Promise<void> {
  try {
    const [envelope] = new EnvelopeReader(messageBytesMax).add(
      await exchange.readBody(messageBytesMax),
    );
    const message = envelope?.message ?? Buffer.alloc(0);
    const { service } = readAs(() => fromBinary(HealthCheckRequestSchema, message));
    const operation = exchange.head.path.slice(healthPrefix.length);
    if (operation === "Watch") watch(exchange, form, { service, health });
    else answerOnce(exchange, form, healthMessage(operation, service, health));
  } catch (error) {
    fail(exchange, form, Fault.from(error));
  }
}

/** What is not of the operation's form is the client's fault. */
function readAs<Message>(read: () => Message): Message {
  try {
    return read();
  } catch (cause) {
    throw Fault.is(cause) ? cause : routerFaults.malformed_message({ cause });
  }
}

function healthMessage(operation: string, service: string, { statusOf }: Health): Uint8Array {
  const response = create(HealthCheckResponseSchema, { status: statusOf() });
  if (operation === "List") {
    const statuses = Object.fromEntries(services.map((name) => [name, response]));
    return toBinary(HealthListResponseSchema, create(HealthListResponseSchema, { statuses }));
  }
  if (operation !== "Check") throw routerFaults.no_operation();
  if (!services.includes(service)) throw routerFaults.no_such_service();
  return toBinary(HealthCheckResponseSchema, response);
}

/** Stays open until the client goes; tells each change. */
function watch(
  exchange: Exchange,
  form: RpcForm,
  { service, health }: { readonly service: string; readonly health: Health },
): void {
  let told: ServingStatus | undefined;
  const isKnown = services.includes(service);
  const look = (): void => {
    const status = isKnown ? health.statusOf() : SERVICE_UNKNOWN;
    if (status === told) return;
    told = status;
    const response = create(HealthCheckResponseSchema, { status });
    exchange.write(
      encodeEnvelope(envelopeFlags.message, toBinary(HealthCheckResponseSchema, response)),
    );
  };
  exchange.startStream(200, [["content-type", contentTypeOf(form)]]);
  look();
  health.watches.add(look);
  exchange.onFinish(() => health.watches.delete(look));
}

/** Questions and answers as long as the client asks. */
function reflect(exchange: Exchange, form: RpcForm): void {
  const reader = new EnvelopeReader(messageBytesMax);
  exchange.startStream(200, [["content-type", contentTypeOf(form)]]);
  exchange.letBodyLinger();
  exchange.streamBody({
    onChunk: (chunk) => {
      try {
        for (const { message } of reader.add(chunk)) {
          const isSlow = !exchange.write(
            encodeEnvelope(
              envelopeFlags.message,
              readAs(() => answerReflection(message)),
            ),
          );
          if (isSlow) {
            exchange.pauseBody();
            exchange.onDrain(() => exchange.resumeBody());
          }
        }
      } catch (error) {
        exchange.write(streamEnd(form, Fault.from(error), ""));
        exchange.end();
      }
    },
    onEnd: () => {
      exchange.write(streamEnd(form, undefined, ""));
      exchange.end();
    },
  });
}

function answerOnce(exchange: Exchange, form: RpcForm, message: Uint8Array): void {
  const body = Buffer.concat([
    encodeEnvelope(envelopeFlags.message, message),
    streamEnd(form, undefined, ""),
  ]);
  exchange.respond(200, [["content-type", contentTypeOf(form)]], body);
}

function fail(exchange: Exchange, form: RpcForm, fault: Fault): void {
  const { status, contentType, body } = rpcFailure(form, fault, "");
  exchange.respond(status, [["content-type", contentType]], body);
}
