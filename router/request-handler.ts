import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import type { Timer } from "@tandem/libs/world";
import { isPreflight } from "./core/cross-origin.ts";
import type { RouteTable } from "./core/route-table.ts";
import { routerFaults } from "./faults.ts";
import { GrpcExchange, isGrpc } from "./grpc/grpc-exchange.ts";
import type { GrpcPages } from "./grpc/grpc-pages.ts";
import type { OwnPages } from "./own-pages.ts";
import type { Accountant } from "./phases/account.ts";
import { admit, checkAdmission } from "./phases/admit.ts";
import type { AdmittedRequest } from "./phases/admitted-request.ts";
import { respondFault, rpcPrefix } from "./phases/answer-fault.ts";
import { classify } from "./phases/classify.ts";
import { Relay } from "./phases/relay.ts";
import type { GatewayPool } from "./pool/gateway-pool.ts";
import type { RouterParts } from "./router-parts.ts";

export interface RequestHandler {
  readonly handle: ExchangeHandler;
  /** The same at the door of gRPC alone. */
  readonly handleGrpc: ExchangeHandler;
  /** Stops watching deadlines. */
  stop(): void;
}

const deadlineSweepMs = 250;

/** The phases in their order: admit → classify → choose → relay → account. */
export function createRequestHandler(given: {
  readonly parts: RouterParts;
  readonly table: RouteTable;
  readonly pools: ReadonlyMap<string, GatewayPool>;
  readonly accountant: Accountant;
  readonly pages: OwnPages;
  readonly grpcPages: GrpcPages;
}): RequestHandler {
  const { parts, table, pools, accountant, pages, grpcPages } = given;
  const { config, world } = parts;
  const underWay = new Set<Relay>();
  let sweeper: Timer | undefined;
  const sweep = (): void => {
    const nowMs = world.clock.monotonicMs();
    for (const relay of underWay) if (nowMs >= relay.deadlineAtMs) relay.timeOut();
    if (underWay.size > 0) return;
    sweeper?.cancel();
    sweeper = undefined;
  };

  function relay(request: AdmittedRequest): void {
    const { exchange } = request;
    checkAdmission(request, { config, underWay: underWay.size });
    const route = classify(request, table);
    request.gateway = route.gateway;
    const pool = pools.get(route.gateway);
    if (pool === undefined) throw routerFaults.gateway_unavailable();
    const started = new Relay(request, { route, pool, parts });
    underWay.add(started);
    sweeper ??= world.timers.every(deadlineSweepMs, sweep);
    exchange.onFinish(() => {
      underWay.delete(started);
      accountant.account(request);
    });
    started.begin();
  }

  function begin(exchange: Exchange): void {
    const request = admit(exchange, parts);
    try {
      if (isPreflight(exchange.head)) {
        answerPreflight(request, parts);
        accountant.account(request);
      } else relay(request);
    } catch (error) {
      refuseAndAccount(request, Fault.from(error));
    }
  }

  function refuseAndAccount(request: AdmittedRequest, fault: Fault): void {
    refuse(request, fault);
    accountant.account(request);
  }

  return {
    handle: (given) => {
      const exchange = isGrpc(given) ? new GrpcExchange(given) : given;
      if (pages.answerPublic(exchange) || grpcPages.answer(exchange)) return;
      begin(exchange);
    },
    handleGrpc: (given) => {
      const exchange = isGrpc(given) ? new GrpcExchange(given) : given;
      if (grpcPages.answer(exchange)) return;
      if (exchange.head.path.startsWith(rpcPrefix)) begin(exchange);
      else refuseAndAccount(admit(exchange, parts), routerFaults.grpc_only());
    },
    stop: () => sweeper?.cancel(),
  };
}

/** Throws `router.origin_refused`. No gateway is asked. */
function answerPreflight(request: AdmittedRequest, { crossOrigin }: RouterParts): void {
  const { exchange, id } = request;
  const fields = crossOrigin.preflightFieldsFor(exchange.head);
  if (fields === undefined) throw routerFaults.origin_refused();
  request.status = 204;
  exchange.respond(204, [["x-request-id", id], ...fields], "");
}

function refuse(request: AdmittedRequest, fault: Fault): void {
  request.outcome = "refused";
  request.reason = fault.reason;
  request.status = fault.httpStatus;
  respondFault(request, fault);
}
