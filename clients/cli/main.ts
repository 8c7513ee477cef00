import { realWorld } from "@tandem/libs/world";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2), {
  world: realWorld(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
