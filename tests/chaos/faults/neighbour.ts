/** For G16: one tenant calls ten times as often as it may, and what another one notices of it. */
import { atMost, type LiveFault } from "../fault.ts";
import { type CallerTally, flood, quantileOfAll } from "../flood.ts";
import { foundTenant } from "../second-tenant.ts";

/** What the other one may do, and does, a second; and what the neighbour may. */
const quietPerSecond = 50;
const limitPerSecond = 10;
const excess = 10;
/** Calm and noise in turns, so that a minute of a busy machine is in both. */
const turns = 3;

export const neighbour: LiveFault = {
  id: "neighbour",
  what: "a tenant at ten times its limit, beside another one",
  seconds: { usual: 48, long: 300 },
  load: { callsPerSecond: 0, streams: 0 },
  async strike({ house, seconds, tell }) {
    const { tandem } = house;
    const loud = await foundTenant(tandem, {
      name: `neighbour-${process.pid}`,
      callsPerSecond: limitPerSecond,
    });
    const spell = async (loudPerSecond: number): Promise<readonly CallerTally[]> => {
      const perSecond = quietPerSecond + loudPerSecond;
      const report = await flood({
        baseUrl: tandem.baseUrl,
        callers: [
          { apiKey: tandem.apiKey, share: quietPerSecond / perSecond },
          { apiKey: loud.apiKey, share: loudPerSecond / perSecond },
        ],
        pace: { kind: "open", perSecond },
        seconds: seconds / turns / 2,
      });
      house.beside.nanos += report.costNanos;
      strange.push(...report.strange);
      return report.callers;
    };
    const strange: string[] = [];
    const calm: (readonly CallerTally[])[] = [];
    const noise: (readonly CallerTally[])[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      calm.push(await spell(limitPerSecond));
      noise.push(await spell(limitPerSecond * excess));
    }
    const p99 = (spells: readonly (readonly CallerTally[])[]): number =>
      quantileOfAll(
        spells.map(([quiet]) => quiet?.servedMs ?? []),
        0.99,
      );
    const refusedOf = (which: 0 | 1): number =>
      noise.reduce((sum, callers) => sum + (callers[which]?.refused ?? 0), 0);
    const [calmMsP99, noisyMsP99] = [p99(calm), p99(noise)];
    tell(`  p99 ${calmMsP99.toFixed(1)} ms in calm, ${noisyMsP99.toFixed(1)} ms in noise`);
    return {
      figures: {
        ...{ calmMsP99, noisyMsP99, noisyPerCalm: noisyMsP99 / calmMsP99 },
        ...{ quietRefused: refusedOf(0), loudRefused: refusedOf(1) },
      },
      wrongs: [
        ...strange.slice(0, 3),
        ...atMost("refused of the quiet one", refusedOf(0), 0),
        ...(refusedOf(1) === 0 ? ["the loud one was never refused"] : []),
      ],
    };
  },
};
