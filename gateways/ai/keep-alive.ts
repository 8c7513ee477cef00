import type { Call } from "./call.ts";
import type { AiConfig } from "./config.ts";

/**
 * Comments while a stream is waited for; blank lines for a whole answer, but later, since they fix
 * the status at 200 (experience 5.3). Called some times a second.
 */
export function keepAlive(call: Call, config: AiConfig, nowMs: number): void {
  const { answer, request } = call;
  const isFirstOfWhole = !request.isStream && !answer.hasBegun;
  const afterMs = isFirstOfWhole ? config.wholeKeepAliveMs : config.keepAliveMs;
  if (answer.silentMs(nowMs) >= afterMs) answer.keepAlive(nowMs);
}
