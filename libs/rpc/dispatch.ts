/**
 * From a decoded request to an answer, the same for a call over a socket and within the process.
 * The registry is how replicas of one process find each other: by the address they would have.
 */
import { create, type Message } from "@bufbuild/protobuf";
import { rpcFaults } from "./faults.ts";
import type { CallContext, Implementation, Operation } from "./implementation.ts";
import type { PassportVerifier } from "./passport.ts";

export interface CallMetadata {
  readonly requestId: string;
  readonly passport: string | undefined;
  readonly timeoutMs: number | undefined;
  isAbandoned(): boolean;
  onAbandon(run: () => void): void;
}

export interface Dispatcher {
  find(serviceName: string, methodName: string): Operation;
  run(operation: Operation, request: Message, metadata: CallMetadata): Promise<Message>;
}

export function createDispatcher(options: {
  readonly implementations: readonly Implementation[];
  readonly verifier: PassportVerifier;
  readonly monotonicMs: () => number;
}): Dispatcher {
  const operations = new Map<string, Operation>();
  for (const { service, operations: own } of options.implementations) {
    for (const [name, operation] of own) operations.set(`${service.typeName}/${name}`, operation);
  }
  return {
    find(serviceName, methodName) {
      const operation = operations.get(`${serviceName}/${methodName}`);
      if (operation === undefined) {
        throw rpcFaults.unknown_operation({ detail: `${serviceName}/${methodName}` });
      }
      return operation;
    },
    async run(operation, request, metadata) {
      const startedMs = options.monotonicMs();
      const { timeoutMs } = metadata;
      const context: CallContext = {
        requestId: metadata.requestId,
        passport: options.verifier.verify(metadata.passport),
        remainingMs: () =>
          timeoutMs === undefined
            ? Number.POSITIVE_INFINITY
            : timeoutMs - (options.monotonicMs() - startedMs),
        isAbandoned: metadata.isAbandoned,
        onAbandon: metadata.onAbandon,
      };
      const answer = await operation.handler(request, context);
      return create(operation.method.output, answer as Record<string, unknown>);
    },
  };
}

const inProcess = new Map<string, Dispatcher>();

/** Makes a replica reachable without a socket for its neighbours in this process. */
export function registerInProcess(address: string, dispatcher: Dispatcher): () => void {
  inProcess.set(address, dispatcher);
  return () => {
    if (inProcess.get(address) === dispatcher) inProcess.delete(address);
  };
}

export function findInProcess(address: string): Dispatcher | undefined {
  return inProcess.get(address);
}
