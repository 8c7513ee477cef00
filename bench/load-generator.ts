import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { loadCore } from "./contenders/contender.ts";
import type { Job, JobResult } from "./load/job.ts";
import { startPinned } from "./pinned-process.ts";

export interface LoadGenerator {
  run(job: Job): Promise<JobResult>;
  stop(): Promise<void>;
}

/** The generator's process, on the core that the thing measured does not use. */
export function startLoadGenerator(): LoadGenerator {
  const file = fileURLToPath(new URL("load/main.ts", import.meta.url));
  const generator = startPinned(loadCore, [process.execPath, file]);
  const { stdin, stdout } = generator.child;
  if (!stdin || !stdout) throw new Error("the load generator has no pipes");
  const waiting: ((line: string) => void)[] = [];
  const ended = new Promise<never>((_resolve, reject) => {
    generator.child.once("close", () => reject(new Error("the load generator ended early")));
  });
  ended.catch(() => undefined);
  createInterface({ input: stdout }).on("line", (line) => waiting.shift()?.(line));
  return {
    async run(job) {
      const line = new Promise<string>((resolve) => {
        waiting.push(resolve);
      });
      stdin.write(`${JSON.stringify(job)}\n`);
      return JSON.parse(await Promise.race([line, ended])) as JobResult;
    },
    stop: generator.stop,
  };
}
