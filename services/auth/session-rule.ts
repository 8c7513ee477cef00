import type { Config } from "./config.ts";
import type { SessionRule } from "./core/session-life.ts";

/** Written down once a minute: an idle end that is a minute early would be noticed, not this. */
const touchMs = 60_000;

export function sessionRuleOf(config: Config): SessionRule {
  return { idleMs: config.sessionIdleMs, absoluteMs: config.sessionAbsoluteMs, touchMs };
}
