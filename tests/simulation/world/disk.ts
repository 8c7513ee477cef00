import type { SeededRandom } from "@tandem/libs/testing";
import type { Disk, DiskFile } from "@tandem/libs/world";
import type { Living } from "./living.ts";

interface StoredFile {
  /** As programs see it. */
  content: Buffer;
  /** What a loss of power leaves for sure. */
  durable: Buffer;
}

/** How a disk behaves; milliseconds, and chances from 0 to 1. */
export interface DiskHabits {
  writeMs: number;
  syncMs: number;
  /** Set while it does not take anything. */
  failsWith: "ENOSPC" | "EIO" | undefined;
}

/**
 * A machine's files. The death of a process takes nothing that was written, but may leave half of a
 * write; a loss of power takes what was not synced, all of it or a part, or leaves rubbish there.
 */
export class SimulatedDisk {
  readonly habits: DiskHabits = { writeMs: 0.1, syncMs: 2, failsWith: undefined };
  readonly #random: SeededRandom;
  #names = new Map<string, StoredFile>();
  /** Names as they are on the platter. */
  #durableNames = new Map<string, StoredFile>();
  readonly #locks = new Map<string, Living>();
  /** Writes that were begun: a kill may leave a part of them. */
  readonly #underWay = new Map<Living, Set<(share: number) => void>>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Its process was killed: what the kernel has stays. */
  killed(process: Living): void {
    for (const apply of this.#underWay.get(process) ?? []) {
      if (this.#random.fraction() < 0.5) apply(this.#random.fraction());
    }
    this.#underWay.delete(process);
    for (const [directory, owner] of this.#locks) {
      if (owner === process) this.#locks.delete(directory);
    }
  }

  /** For tests of the rules: as if it had never been written to. */
  forgetAll(): void {
    this.#names.clear();
    this.#durableNames.clear();
  }

  /** Everything that was not brought to the platter is lost, or half there, or rubbish. */
  losePower(): void {
    const random = this.#random;
    const names = new Map(this.#durableNames);
    // A name that was not synced may have made it all the same.
    for (const [name, file] of this.#names) if (random.fraction() < 0.5) names.set(name, file);
    for (const file of names.values()) file.content = torn(file, random);
    for (const file of names.values()) file.durable = file.content;
    this.#names = new Map(names);
    this.#durableNames = new Map(names);
    this.#locks.clear();
    this.#underWay.clear();
  }

  /** The disk as one process uses it. */
  for(process: Living): Disk {
    const { habits } = this;
    const small = (): number => habits.writeMs * (0.5 + this.#random.fraction());
    const large = (): number => habits.syncMs * (0.5 + this.#random.fraction());
    const find = (path: string): StoredFile => {
      const file = this.#names.get(path);
      if (file === undefined) throw failure("ENOENT", path);
      return file;
    };
    return {
      makeDirectory: () => process.pause(small()),
      list: async (directory) => {
        await process.pause(small());
        const prefix = `${directory}/`;
        return [...this.#names.keys()]
          .filter((path) => path.startsWith(prefix))
          .map((path) => path.slice(prefix.length));
      },
      read: async (path) => {
        await process.pause(small());
        return Buffer.from(find(path).content);
      },
      create: async (path) => {
        await process.pause(small());
        this.#checkHealth(path);
        const file: StoredFile = { content: Buffer.alloc(0), durable: Buffer.alloc(0) };
        this.#names.set(path, file);
        return this.#open(process, path, file);
      },
      replace: async (path, content) => {
        await process.pause(large());
        this.#checkHealth(path);
        const own = Buffer.from(content);
        this.#names.set(path, { content: own, durable: own });
      },
      remove: async (path) => {
        await process.pause(small());
        find(path);
        this.#names.delete(path);
      },
      syncFile: async (path) => {
        await process.pause(large());
        this.#checkHealth(path);
        const file = find(path);
        file.durable = file.content;
      },
      syncDirectory: async (path) => {
        await process.pause(large());
        this.#checkHealth(path);
        this.#syncNames(`${path}/`);
      },
      lock: async (directory) => {
        await process.pause(small());
        const owner = this.#locks.get(directory);
        if (owner?.isAlive === true) throw failure("EADDRINUSE", directory);
        this.#locks.set(directory, process);
        return { release: () => Promise.resolve(void this.#locks.delete(directory)) };
      },
    };
  }

  #syncNames(prefix: string): void {
    for (const name of this.#durableNames.keys()) {
      if (name.startsWith(prefix) && !this.#names.has(name)) this.#durableNames.delete(name);
    }
    for (const [name, file] of this.#names) {
      if (name.startsWith(prefix)) this.#durableNames.set(name, file);
    }
  }

  #open(process: Living, path: string, file: StoredFile): DiskFile {
    const { habits } = this;
    const random = this.#random;
    return {
      write: async (bytes, offset) => {
        const own = Buffer.from(bytes);
        const apply = (share: number): void => {
          const part = own.subarray(0, Math.ceil(own.length * share));
          const end = Math.max(file.content.length, offset + part.length);
          const next = Buffer.alloc(end);
          file.content.copy(next);
          part.copy(next, offset);
          file.content = next;
        };
        const all = this.#underWay.get(process) ?? new Set();
        this.#underWay.set(process, all.add(apply));
        await process.pause(habits.writeMs * (0.5 + random.fraction()));
        all.delete(apply);
        if (habits.failsWith !== undefined) apply(random.fraction() / 2);
        this.#checkHealth(path);
        apply(1);
      },
      sync: async () => {
        const { content } = file;
        await process.pause(habits.syncMs * (0.5 + random.fraction()));
        this.#checkHealth(path);
        // What was written meanwhile may not be in it.
        file.durable = content;
      },
      truncate: async (length) => {
        await process.pause(habits.writeMs);
        this.#checkHealth(path);
        file.content = file.content.subarray(0, length);
      },
      close: () => process.pause(habits.writeMs),
    };
  }

  #checkHealth(path: string): void {
    if (this.habits.failsWith !== undefined) throw failure(this.habits.failsWith, path);
  }
}

/** A file after a loss of power: what was synced, and whatever became of the rest. */
function torn({ content, durable }: StoredFile, random: SeededRandom): Buffer {
  if (content.equals(durable)) return durable;
  let same = 0;
  const shorter = Math.min(content.length, durable.length);
  while (same < shorter && content[same] === durable[same]) same += 1;
  const kept = same + random.integer(content.length - same + 1);
  const result = Buffer.from(content.subarray(0, Math.max(kept, Math.min(same, content.length))));
  if (result.length > same && random.fraction() < 0.3) {
    const at = same + random.integer(result.length - same);
    result[at] = (result[at] ?? 0) ^ 0x5a;
  }
  return result;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
