/**
 * A draw of token `position` depends on the model's view of the text so far, the request's seed and
 * this position, and on nothing else. So a sampled answer, like a greedy one, can be continued in
 * another process and come out the same. Pure.
 */
export function seedAt(seed: number, position: number): number {
  let bits = (Math.imul(seed ^ (seed >>> 16), 0x7feb352d) + Math.imul(position, 0x9e3779b9)) | 0;
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  bits = Math.imul(bits ^ (bits >>> 13), 0x2c1b3c6d);
  return (bits ^ (bits >>> 16)) >>> 0;
}
