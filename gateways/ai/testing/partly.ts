import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import { type Handlers, type Implementation, implement } from "@tandem/libs/rpc";

/** A contract of which only some operations are there; the others fail when they are called. */
export function partly<Methods extends GenServiceMethods>(
  service: GenService<Methods>,
  handlers: Partial<Handlers<Methods>>,
): Implementation {
  const all: Record<string, unknown> = { ...handlers };
  for (const { localName } of service.methods) {
    all[localName] ??= () => Promise.reject(new Error(`${localName} is not part of this fake`));
  }
  return implement(service, all as Handlers<Methods>);
}
