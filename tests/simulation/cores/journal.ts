import { type Journal, openJournal } from "@tandem/libs/store/journal";
import { type SeededRandom, seededRandom } from "@tandem/libs/testing";
import { diskPort } from "@tandem/libs/world";
import { SimulatedDisk } from "../world/disk.ts";
import { simulatedLog } from "../world/log.ts";
import { Machine, SimulatedProcess } from "../world/machine.ts";
import { Scheduler } from "../world/scheduler.ts";
import type { CoreFamily } from "./core-family.ts";

const lives = 4;
const lifeMs = 60;

interface Journalled {
  /** And not given up since. */
  readonly acknowledged: Set<number>;
  next: number;
}

/** The journal through several deaths of its process and losses of power, on a disk that may fail. */
export const journalFamily: CoreFamily = {
  name: "journal",
  about: "acknowledged records survive kills, losses of power, full and failing disks",
  async run(random) {
    const scheduler = new Scheduler();
    const disk = new SimulatedDisk(seededRandom(random.integer(2 ** 32)));
    const machine = new Machine("m", { disk, monotonicOffsetMs: 0, skewMs: 0 });
    const known: Journalled = { acknowledged: new Set(), next: 1 };
    const problems: string[] = [];
    for (let life = 0; life < lives; life += 1) {
      const process = new SimulatedProcess(machine, {
        scheduler,
        random: seededRandom(random.integer(2 ** 32)),
        ports: (own) => new Map<object, unknown>([[diskPort, disk.for(own)]]) as never,
      });
      process.onEnd(() => disk.killed(process));
      const found: number[] = [];
      const due = new Set(known.acknowledged);
      void live(process, { random, known, found });
      await scheduler.runUntil(scheduler.nowMs + lifeMs * (0.3 + random.fraction()));
      problems.push(...missing(found, due));
      process.kill();
      if (random.fraction() < 0.6) disk.losePower();
      disk.habits.failsWith = undefined;
    }
    return problems;
  },
};

async function live(
  process: SimulatedProcess,
  given: { random: SeededRandom; known: Journalled; found: number[] },
): Promise<void> {
  const { random, known, found } = given;
  const { world } = process;
  const log = simulatedLog(() => undefined);
  const journal = await openJournal("/j", { world, log, windowMs: 0, segmentBytes: 400 });
  for await (const { payload } of journal.replay()) found.push(Number(payload.toString()));
  found.push(Number.NaN);
  for (;;) {
    await process.pause(random.fraction() * 4);
    if (random.fraction() < 0.03) {
      const sick = (["ENOSPC", "EIO", undefined] as const)[random.integer(3)];
      process.machine.disk.habits.failsWith = sick;
    }
    await append(journal, known);
    if (random.fraction() < 0.05) await truncate(journal, known);
  }
}

async function append(journal: Journal, known: Journalled): Promise<void> {
  const own = known.next;
  known.next += 1;
  // Positions go on where records were refused; the record knows itself by its own number.
  await journal.append(Buffer.from(String(own).padEnd(20))).then(
    () => known.acknowledged.add(own),
    () => undefined,
  );
}

async function truncate(journal: Journal, known: Journalled): Promise<void> {
  // From here on they may be gone, whether or not we live to hear of it.
  known.acknowledged.clear();
  await journal.truncateBefore(journal.nextPosition);
}

/** The mark at the end of `found` says that the journal could be opened and read. */
function missing(found: readonly number[], due: ReadonlySet<number>): readonly string[] {
  const end = found.findIndex(Number.isNaN);
  if (end < 0) return [];
  const seen = found.slice(0, end);
  const problems = [...due]
    .filter((own) => !seen.includes(own))
    .map((own) => `record ${own} was acknowledged and is lost`);
  if (seen.some((own, index) => own < (seen[index - 1] ?? 0))) problems.push("out of order");
  return problems;
}
