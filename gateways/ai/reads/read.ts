import type { CallerIdentity } from "@tandem/libs/gateway";
import type { Exchange } from "@tandem/libs/http";
import type { Clients } from "../clients.ts";
import type { Dialect } from "../dialects/dialect.ts";
import type { AiParts } from "../parts.ts";

export interface ReadParts extends AiParts {
  readonly quota: Clients["quota"];
  readonly chat: Clients["chat"];
}

/** What a read works with. */
export interface Asked {
  readonly exchange: Exchange;
  readonly parts: ReadParts;
  readonly identity: CallerIdentity;
  readonly dialect: Dialect;
  readonly requestId: string;
}

/** Something small beside generation. Throws faults; what it gives is the JSON of the answer. */
export interface Read {
  readonly methods: readonly string[];
  readonly answer: (asked: Asked) => string | Promise<string>;
}
