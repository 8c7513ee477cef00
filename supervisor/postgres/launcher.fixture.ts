/**
 * A process that starts the embedded server and then waits to be killed:
 * `launcher.fixture.ts DATA_DIRECTORY RUN_DIRECTORY`. Prints the postmaster's number and URL.
 */
import { writeSync } from "node:fs";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";

const [dataDirectory = "", runDirectory = ""] = process.argv.slice(2);
const log = createLog({ level: "error", fields: {}, write: (line) => void writeSync(2, line) });
const world = realWorld();
const server = await startEmbeddedPostgres({ dataDirectory, runDirectory, world, log });
writeSync(1, `${server.pid} ${server.adminUrl}\n`);
process.once("SIGTERM", () => {
  void server.stop().then(() => process.exit());
});
setInterval(() => {}, 60_000);
