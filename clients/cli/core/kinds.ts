/** What the summary needs to know of a process. */
export interface ProcessFacts {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly state: string;
  readonly isMember: boolean;
  readonly deaths: number;
  readonly unready: readonly string[];
  readonly residentBytes?: number | undefined;
}

/** Processes that host the same, as one line. */
export interface Kind {
  readonly name: string;
  readonly ready: number;
  readonly wanted: number;
  /** Deployables. */
  readonly hosts: readonly string[];
  readonly residentBytes: number;
  readonly deaths: number;
  readonly notes: readonly string[];
}

/** `ai-gateway-2` and `ai-gateway-5` are `ai-gateway`: what is called counts, the rest is noted. */
export function kindsOf(processes: readonly ProcessFacts[]): readonly Kind[] {
  const groups = new Map<string, ProcessFacts[]>();
  for (const process of processes) {
    const name = process.name.replace(/-\d+$/, "");
    groups.set(name, [...(groups.get(name) ?? []), process]);
  }
  return [...groups].map(([name, group]) => {
    const members = group.filter(({ isMember }) => isMember);
    return {
      name,
      ready: members.filter(({ state }) => state === "ready").length,
      wanted: members.length,
      hosts: [
        ...new Set(group.flatMap(({ hosts }) => hosts.map((host) => host.split("/")[0] ?? ""))),
      ],
      residentBytes: group.reduce((sum, { residentBytes = 0 }) => sum + residentBytes, 0),
      deaths: group.reduce((sum, { deaths }) => sum + deaths, 0),
      notes: group.flatMap(noteOf),
    };
  });
}

function noteOf({ name, state, isMember, unready }: ProcessFacts): readonly string[] {
  if (!isMember) return [`${name} ${state === "stopped" ? "drained" : "leaving"}`];
  if (state === "ready") return [];
  return [`${name} ${state}${unready.length > 0 ? ` (${unready.join(", ")})` : ""}`];
}
