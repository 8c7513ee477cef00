import {
  create,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Fault } from "../kernel/index.ts";
import type { World } from "../world/index.ts";
import { type Dispatcher, findInProcess } from "./dispatch.ts";
import { rpcFaults } from "./faults.ts";
import type { PassportClaims, PassportSigner } from "./passport.ts";
import type { ReplicaSet, ReplicaTarget } from "./replica-set.ts";
import { faultFromWire } from "./wire-fault.ts";

export interface CallOptions {
  readonly requestId?: string;
  /** Milliseconds the whole call may take, over all replicas tried. Default 2,000. */
  readonly deadlineMs?: number;
  /** Whom the call is for; the platform itself when absent. */
  readonly caller?: PassportClaims;
}

/** A contract's operations as plain asynchronous functions. */
export type RpcClient<Methods extends GenServiceMethods> = {
  readonly [Name in keyof Methods]: (
    request: MessageInitShape<Methods[Name]["input"]>,
    options?: CallOptions,
  ) => Promise<MessageShape<Methods[Name]["output"]>>;
};

interface ClientParts {
  readonly deployable: string;
  readonly replicas: ReplicaSet;
  readonly signer: PassportSigner;
  readonly world: World;
}

const defaultDeadlineMs = 2_000;

/**
 * A typed client of a contract, spread over the replicas of a deployable. Another replica is tried
 * when the request was never sent, or when the contract marks the operation as repeatable; such an
 * operation is repeated also where a replica on trial answers with a fault of its own.
 */
export function createRpcClient<Methods extends GenServiceMethods>(
  service: GenService<Methods>,
  parts: ClientParts,
): RpcClient<Methods> {
  const client: Record<string, unknown> = {};
  for (const method of service.methods) {
    const isLongPoll = method.name.startsWith("Watch");
    const target: Target = { service: service.typeName, method, isLongPoll, parts };
    client[method.localName] = (request: object, options: CallOptions = {}) =>
      call(target, request, options);
  }
  return client as RpcClient<Methods>;
}

interface Target {
  readonly service: string;
  readonly method: DescMethod;
  /** How long an answer takes is the caller's wish. */
  readonly isLongPoll: boolean;
  readonly parts: ClientParts;
}

async function call(target: Target, init: object, options: CallOptions): Promise<Message> {
  const { method, parts } = target;
  const request = create(method.input, init as Record<string, unknown>);
  const deadlineAtMs = parts.world.clock.monotonicMs() + (options.deadlineMs ?? defaultDeadlineMs);
  const tried = new Set<ReplicaTarget>();
  const refusing = new Set<ReplicaTarget>();
  let freshConnection = false;
  let last: Fault | undefined;
  for (;;) {
    const replica = parts.replicas.choose(tried);
    if (replica === undefined) {
      if (last === undefined) {
        throw rpcFaults.unavailable({ detail: `${parts.deployable} has no replicas` });
      }
      throw refusing.size === tried.size ? nobodyListens(last) : last;
    }
    tried.add(replica);
    const startedMs = parts.world.clock.monotonicMs();
    const remainingMs = deadlineAtMs - startedMs;
    if (remainingMs <= 0) throw last ?? rpcFaults.deadline_exceeded({ detail: target.service });
    replica.callsUnderWay += 1;
    try {
      const answer = await callReplica(target, {
        replica,
        request,
        remainingMs,
        freshConnection,
        options,
      });
      parts.replicas.reportSuccess(replica);
      replica.tally.answered(200, tookMs(target, startedMs));
      return answer;
    } catch (error) {
      last = Fault.from(error);
      if (last.context["connection_refused"] === true) refusing.add(replica);
      const isRepeated = mayTryAnother(last, { method, replica });
      // A kept-alive connection may have died unnoticed while its replica lives: ask it once more.
      const isStale = isRepeated && last.context["reused_connection"] === true && !freshConnection;
      if (isStale) tried.delete(replica);
      else if (isReplicasDoing(last)) replica.tally.broke(false);
      else replica.tally.answered(last.httpStatus, tookMs(target, startedMs));
      if (!isRepeated) throw last;
      freshConnection = true;
    } finally {
      replica.callsUnderWay -= 1;
    }
  }
}

function mayTryAnother(
  fault: Fault,
  { method, replica }: { readonly method: DescMethod; readonly replica: ReplicaTarget },
): boolean {
  const isRepeatable = method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
  if (fault.reason !== "rpc.unavailable") {
    return replica.isOnTrial && isRepeatable && isReplicasDoing(fault);
  }
  return fault.context["request_started"] === false || isRepeatable;
}

function tookMs({ isLongPoll, parts }: Target, startedMs: number): number | undefined {
  return isLongPoll ? undefined : parts.world.clock.monotonicMs() - startedMs;
}

/** Never what a caller did wrong, unless it no longer knows those who may call it. */
function isReplicasDoing({ httpStatus, reason }: Fault): boolean {
  return httpStatus >= 500 || reason === "rpc.passport_refused";
}

/**
 * On this machine a socket that refuses is one behind which no process listens: so not only does no
 * replica answer, none is there to do anything. Over a network a refusal does not say as much.
 */
function nobodyListens(last: Fault): Fault {
  return rpcFaults.unavailable({
    ...(last.detail !== undefined && { detail: last.detail }),
    cause: last,
    context: { ...last.context, nobody_listens: true },
  });
}

function isRefusal(address: string, { cause }: Error): boolean {
  if (!address.startsWith("unix:") || !(cause instanceof Error) || !("code" in cause)) return false;
  return cause.code === "ECONNREFUSED" || cause.code === "ENOENT";
}

interface ReplicaCall {
  readonly replica: ReplicaTarget;
  readonly request: Message;
  readonly remainingMs: number;
  readonly freshConnection: boolean;
  readonly options: CallOptions;
}

function callReplica(target: Target, given: ReplicaCall): Promise<Message> {
  const neighbour = findInProcess(given.replica.address);
  if (neighbour === undefined) return callOverSocket(target, given);
  return callWithinProcess(target, given, neighbour);
}

/** The caller stops waiting at its deadline here too, and the operation is told that it has. */
async function callWithinProcess(
  target: Target,
  given: ReplicaCall,
  neighbour: Dispatcher,
): Promise<Message> {
  const { method, parts } = target;
  const { replica, request, remainingMs, options } = given;
  const operation = neighbour.find(target.service, method.name);
  const onAbandon: (() => void)[] = [];
  let isAbandoned = false;
  return new Promise((resolve, reject) => {
    const deadline = parts.world.timers.after(remainingMs, () => {
      isAbandoned = true;
      parts.replicas.reportFailure(replica);
      reject(rpcFaults.deadline_exceeded({ detail: `${target.service}/${method.name}` }));
      for (const run of onAbandon) run();
    });
    neighbour
      .run(operation, request, {
        requestId: options.requestId ?? "",
        passport: parts.signer.signFor(parts.deployable, options.caller),
        timeoutMs: remainingMs,
        isAbandoned: () => isAbandoned,
        onAbandon: (run) => {
          if (isAbandoned) run();
          else onAbandon.push(run);
        },
      })
      .finally(() => deadline.cancel())
      .then(resolve, reject);
  });
}

function callOverSocket(target: Target, given: ReplicaCall): Promise<Message> {
  const { method, parts } = target;
  const { replica, remainingMs, options } = given;
  const bytes = toBinary(method.input, given.request);
  return new Promise((resolve, reject) => {
    let status = 0;
    const chunks: Buffer[] = [];
    const deadline = parts.world.timers.after(remainingMs, () => {
      pending.cancel();
      parts.replicas.reportFailure(replica);
      reject(rpcFaults.deadline_exceeded({ detail: `${target.service}/${method.name}` }));
    });
    const pending = replica.pool.send(
      {
        method: "POST",
        target: `/${target.service}/${method.name}`,
        headers: [
          ["content-type", "application/proto"],
          ["connect-protocol-version", "1"],
          ["connect-timeout-ms", String(Math.ceil(remainingMs))],
          ["x-request-id", options.requestId ?? ""],
          ["x-tandem-passport", parts.signer.signFor(parts.deployable, options.caller)],
        ],
        body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        freshConnection: given.freshConnection,
      },
      {
        onHead: (head) => {
          status = head.status;
        },
        onChunk: (chunk) => {
          chunks.push(chunk);
        },
        onEnd: () => {
          deadline.cancel();
          try {
            const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
            if (status === 200) resolve(fromBinary(method.output, body));
            else reject(faultFromWire(status, body));
          } catch (cause) {
            reject(
              rpcFaults.bad_answer({ detail: `${parts.deployable}: ${String(cause)}`, cause }),
            );
          }
        },
        onFailure: (failure) => {
          deadline.cancel();
          parts.replicas.reportFailure(replica);
          reject(
            rpcFaults.unavailable({
              detail: `${parts.deployable} at ${replica.address}: ${failure.error.message}`,
              cause: failure.error,
              context: {
                request_started: failure.requestStarted,
                reused_connection: failure.reusedConnection,
                connection_refused: isRefusal(replica.address, failure.error),
              },
            }),
          );
        },
      },
    );
  });
}
