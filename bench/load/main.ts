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

/** Room for the requests of one job; ten digits hold a hundred such jobs. */
const numbersPerJob = 100_000_000;
let jobs = 0;

function run(job: Job): Promise<JobResult> {
  jobs += 1;
  const requests = requestSource(job.request, jobs * numbersPerJob);
  if (job.kind === "unary") return unaryLoad(job, requests);
  return job.kind === "stream" ? streamLoad(job, requests) : idleLoad(job, requests);
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await run(JSON.parse(line) as Job);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
