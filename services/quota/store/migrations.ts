import type { Migrations } from "@tandem/libs/store";
import * as ledger from "./migrations/0001-ledger.ts";
import * as wallets from "./migrations/0002-wallets.ts";
import * as limits from "./migrations/0003-limits.ts";
import * as outbox from "./migrations/0004-outbox.ts";
import * as takeBacks from "./migrations/0005-take-backs.ts";
import * as raises from "./migrations/0006-raises.ts";
import * as giveBacks from "./migrations/0007-give-backs.ts";
import * as callsIn from "./migrations/0008-calls-in.ts";

/** Schema changes in their order. Every step must leave the version before it working. */
export const migrations: Migrations = {
  "0001-ledger": ledger,
  "0002-wallets": wallets,
  "0003-limits": limits,
  "0004-outbox": outbox,
  "0005-take-backs": takeBacks,
  "0006-raises": raises,
  "0007-give-backs": giveBacks,
  "0008-calls-in": callsIn,
};
