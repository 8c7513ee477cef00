/** F12 and F13: grey failures. The process is there, its sockets are open, and nothing happens. */
import { atMost, type LiveFault, nothingNoticed, type Seen } from "../fault.ts";
import { pause } from "../waiting.ts";
import { evaluateIn } from "./inspector.ts";

/** A replica of each tier. */
const victims = ["ai-gateway-1", "access-services-1", "router-1"];
/** Calls above half a second, per victim: G12. In CI others use the machine's cores as well. */
const slowPerVictim = { short: 10, long: 3 };

function fewNotice(seen: Seen): string[] {
  const perVictim = seen.figures["isShort"] === 1 ? slowPerVictim.short : slowPerVictim.long;
  const limit = (seen.figures["victims"] ?? 0) * perVictim;
  return [...nothingNoticed(seen), ...atMost("calls above 500 ms", seen.load.slow, limit)];
}

export const frozen: LiveFault = {
  id: "F12",
  what: "SIGSTOP of a gateway, a service process and a router, one after the other, then SIGCONT",
  seconds: { short: 2, usual: 5, long: 5 },
  load: { callsPerSecond: 20 },
  // A router that is frozen holds its clients' connections: they go on when it does, or is ended.
  async strike({ house, seconds, isShort, tell }) {
    for (const name of victims) {
      await house.tandem.kill(name, "SIGSTOP");
      await pause(seconds * 1_000);
      await house.tandem.kill(name, "SIGCONT").catch(() => undefined);
      tell(`  ${name} thawed`);
      await pause(500);
      await house.tandem.until(({ state }) => state === "ready", 30_000);
    }
    return { figures: { victims: victims.length, isShort: isShort ? 1 : 0 } };
  },
  judge: fewNotice,
};

export const blocked: LiveFault = {
  id: "F13",
  what: "event loop of a gateway, a service process and a router blocked, one after the other",
  seconds: { short: 2, usual: 3, long: 5 },
  load: { callsPerSecond: 20 },
  async strike({ house, seconds, isShort, tell }) {
    for (const name of victims) {
      const ms = seconds * 1_000;
      await evaluateIn(
        house,
        name,
        `{ const end = Date.now() + ${ms}; while (Date.now() < end); }`,
      );
      tell(`  ${name} had its event loop blocked`);
      await pause(500);
      await house.tandem.until(({ state }) => state === "ready", 30_000);
    }
    return { figures: { victims: victims.length, isShort: isShort ? 1 : 0 } };
  },
  judge: fewNotice,
};
