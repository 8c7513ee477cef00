import { groupOf } from "./renumber.ts";

/** Groups processes by level, the lowest first; within a level their order stays. */
export function groupByLevel<Process extends { readonly level: number }>(
  processes: readonly Process[],
): readonly (readonly Process[])[] {
  const levels = new Map<number, Process[]>();
  for (const process of processes) {
    const level = levels.get(process.level);
    if (level === undefined) levels.set(process.level, [process]);
    else level.push(process);
  }
  return [...levels.entries()].sort(([one], [other]) => one - other).map(([, level]) => level);
}

/** Level by level, the lowest first; within one by kind (`ai-gateway`), in the order given. */
export function byLevelAndKind<Item>(
  items: readonly Item[],
  specOf: (item: Item) => { readonly name: string; readonly level: number },
): readonly (readonly (readonly Item[])[])[] {
  const placed = items.map((item) => ({ level: specOf(item).level, item }));
  return groupByLevel(placed).map((level) => [
    ...Map.groupBy(
      level.map(({ item }) => item),
      (item) => groupOf(specOf(item).name),
    ).values(),
  ]);
}
