import { createLog } from "../../telemetry/index.ts";
import { realWorld } from "../../world/index.ts";
import { hotStoreSuite } from "./hot-store.suite.ts";
import { openHotStore } from "./open-hot-store.ts";

const log = createLog({ level: "error", fields: {}, write: () => {} });

hotStoreSuite("memory", () => openHotStore("memory:", { world: realWorld(), log }));
