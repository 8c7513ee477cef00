/**
 * When counted errors prove that a limit is passed. A share alone proves nothing: of twenty
 * requests one error is five per cent, and at a true four per cent that happens every few seconds.
 */

/**
 * How unlikely an accident must be, as the natural logarithm of one over its probability. At four
 * evaluations a second, e^18.4 (one in a hundred million) is one false alarm in some ten years.
 */
const certainty = 18.4;

/**
 * True when so many errors among so many requests can hardly be an accident of a server that fails
 * `limit` of them or fewer. By Chernoff's bound: the probability of such an accident is at most
 * e^(−n·D), with D the Kullback-Leibler divergence between the share seen and the limit.
 */
export function provesMoreThan(
  limit: number,
  { errors, requests }: { readonly errors: number; readonly requests: number },
): boolean {
  if (requests === 0) return false;
  const share = errors / requests;
  return share > limit && requests * divergence(share, limit) >= certainty;
}

/** Between two coins, in nats. */
function divergence(seen: number, assumed: number): number {
  const good = seen === 1 ? 0 : (1 - seen) * Math.log((1 - seen) / (1 - assumed));
  return seen * Math.log(seen / assumed) + good;
}
