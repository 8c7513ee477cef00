import type { Lifecycle, Site } from "@tandem/libs/service";
import { databaseUrlOf, tellDatabase } from "@tandem/libs/service/database";
import { migrate, openDatabase } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import { type Books, databaseClock } from "./store/books.ts";
import { Ledger } from "./store/ledger.ts";
import { migrations } from "./store/migrations.ts";
import { Turns } from "./store/turns.ts";

/** True where the topology has somebody to tell what was used. */
export function tellsUsage({ topology, deployable }: Pick<Site, "topology" | "deployable">) {
  return (topology.calls[deployable] ?? []).includes("analytics");
}

/** The books on the replica's own database, brought to this version's schema. */
export async function buildBooks(
  config: Config,
  { site, lifecycle }: { readonly site: Site; readonly lifecycle: Lifecycle },
): Promise<Books> {
  const { world, log } = site;
  const { poolSize } = config;
  const database = openDatabase<unknown>(databaseUrlOf(site), { world, log, poolSize });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);
  return {
    database,
    world,
    ledger: new Ledger(database, world),
    turns: new Turns(),
    clock: databaseClock,
    times: {
      validMs: config.leaseValidMs,
      graceMs: config.leaseGraceMs,
      requestMs: config.requestMaxMs,
    },
    tellsUsage: tellsUsage(site),
  };
}
