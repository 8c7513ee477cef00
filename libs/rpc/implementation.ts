import type {
  DescMethodUnary,
  DescService,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { GenMessage, GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import type { Passport } from "./passport.ts";

/** What `create` takes for a message: any part of it, nested ones included. */
export type MessageInit<Shape extends Message> = MessageInitShape<GenMessage<Shape>>;

/** What a handler knows of the call besides its message. */
export interface CallContext {
  readonly requestId: string;
  readonly passport: Passport;
  /** Milliseconds until the caller stops waiting; `Infinity` when it set no deadline. */
  remainingMs(): number;
  /** True once the caller has gone: a long poll may stop waiting. */
  isAbandoned(): boolean;
  /** Runs once when the caller leaves before the answer. */
  onAbandon(run: () => void): void;
}

/** One handler per operation of the contract. */
export type Handlers<Methods extends GenServiceMethods> = {
  readonly [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]["input"]>,
    context: CallContext,
  ) => Promise<MessageInitShape<Methods[Name]["output"]>>;
};

type UntypedHandler = (request: unknown, context: CallContext) => Promise<unknown>;

/** A service's contract with the code behind it. */
export interface Implementation {
  readonly service: DescService;
  readonly operations: ReadonlyMap<string, Operation>;
}

export interface Operation {
  readonly method: DescMethodUnary;
  readonly handler: UntypedHandler;
}

/** Binds handlers to a contract; the compiler sees to it that none is missing. */
export function implement<Methods extends GenServiceMethods>(
  service: GenService<Methods>,
  handlers: Handlers<Methods>,
): Implementation {
  const byName = handlers as Readonly<Record<string, UntypedHandler | undefined>>;
  const operations = new Map<string, Operation>();
  for (const method of service.methods) {
    const handler = byName[method.localName];
    if (handler === undefined || method.methodKind !== "unary") continue;
    operations.set(method.name, { method: method as DescMethodUnary, handler });
  }
  return { service, operations };
}
