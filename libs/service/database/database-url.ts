import { defineFaults } from "../../kernel/index.ts";
import type { Site } from "../site.ts";

const faults = defineFaults("service", {
  no_database: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "This service was started without a database of its own. Start it by Tandem.",
  },
});

/** The URL of the replica's own database; throws `service.no_database` where there is none. */
export function databaseUrlOf(site: Site): string {
  if (site.databaseUrl === undefined) throw faults.no_database({ detail: site.id });
  return site.databaseUrl;
}
