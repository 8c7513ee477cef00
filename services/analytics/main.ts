import { loadConfig } from "@tandem/libs/config";
import type { StartReplica } from "@tandem/libs/service";
import { configSchema } from "./config.ts";
import { run } from "./run.ts";

export const start: StartReplica = (site) => run(loadConfig(configSchema, site), site);
