/**
 * Places at an upstream, shared by those who want them: nobody gets more than it wants, nobody
 * less than an equal share unless it wants less (max-min fairness), and never more than there are.
 */
export function sharePlaces(
  places: number,
  wanted: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  // By name among equals, so that every replica of this service comes to the same shares.
  const holders = [...wanted].sort(([nameA, a], [nameB, b]) =>
    a === b ? (nameA < nameB ? -1 : 1) : a - b,
  );
  let remaining = places;
  holders.forEach(([holder, want], index) => {
    const others = holders.length - index;
    const share = Math.min(want, Math.ceil(remaining / others));
    shares.set(holder, share);
    remaining -= share;
  });
  return shares;
}
