/**
 * The load generator, a process of its own: reads one job a line, writes one result a line. It
 * stays alive between jobs, so that what is measured never meets a generator that is still warming
 * up. Numbers in requests go on from job to job: no two requests of a run are alike.
 */
import { createInterface } from "node:readline";
import { requestSource } from "./connection.ts";
import type { Job, JobResult } from "./job.ts";
import { idleLoad, streamLoad } from "./stream-load.ts";
import { unaryLoad } from "./unary-load.ts";

let requestsMade = 0;

function nextNumber(): number {
  requestsMade += 1;
  return requestsMade;
}

function run(job: Job): Promise<JobResult> {
  const requests = requestSource(job.request, nextNumber);
  if (job.kind === "unary") return unaryLoad(job, requests);
  return job.kind === "stream" ? streamLoad(job, requests) : idleLoad(job, requests);
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await run(JSON.parse(line) as Job);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
