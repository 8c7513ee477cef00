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
