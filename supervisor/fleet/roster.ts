import type { Topology, TopologyProcess } from "@tandem/libs/service";

/** Share of requests by replica id (`ai-3`); a replica that is not named takes its full part. */
export type Weights = Readonly<Record<string, number>>;

/**
 * Who is there to be called: the processes that count as members of the topology at the moment. One
 * that was just started is not yet, one that is about to leave not any more, so that a replica is
 * called only while it serves.
 */
export class Roster {
  readonly #base: Topology;
  readonly #onChange: () => void;
  #members: readonly TopologyProcess[];
  #weights: Weights = {};

  constructor(options: {
    readonly base: Topology;
    readonly members: readonly TopologyProcess[];
    readonly onChange: () => void;
  }) {
    this.#base = options.base;
    this.#members = options.members;
    this.#onChange = options.onChange;
  }

  get topology(): Topology {
    return { ...this.#base, processes: [...this.#members] };
  }

  get weights(): Weights {
    return this.#weights;
  }

  /** What a process has to know that is to become a member. */
  topologyWith(spec: TopologyProcess): Topology {
    if (this.isMember(spec.name)) return this.topology;
    return { ...this.#base, processes: [...this.#members, spec] };
  }

  isMember(name: string): boolean {
    return this.#members.some((member) => member.name === name);
  }

  /** Several may be on trial at once, so each brings and takes its own weights only. */
  admit(spec: TopologyProcess, weights: Weights = {}): void {
    this.#weights = { ...this.#weightsWithout(spec), ...weights };
    if (!this.isMember(spec.name)) this.#members = [...this.#members, spec];
    this.#onChange();
  }

  /** The last one is never dismissed: an empty list would tell callers nothing they can use. */
  dismiss(name: string): void {
    if (!this.isMember(name) || this.#members.length === 1) return;
    const gone = this.#members.find((member) => member.name === name);
    if (gone !== undefined) this.#weights = this.#weightsWithout(gone);
    this.#members = this.#members.filter((member) => member.name !== name);
    this.#onChange();
  }

  #weightsWithout({ hosts }: TopologyProcess): Weights {
    const ids = new Set(hosts.map((host) => host.replace("/", "-")));
    return Object.fromEntries(Object.entries(this.#weights).filter(([id]) => !ids.has(id)));
  }
}
