/** Waiting for conditions, and the pauses that a fault's own pace consists of. */

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** True once `isSo` is; false after `patienceMs`. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  patienceMs: number,
): Promise<boolean> {
  const giveUpMs = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpMs) return false;
    await pause(25);
  }
  return true;
}

/** Milliseconds until `isSo`; infinite after `patienceMs`. */
export async function timeUntil(
  isSo: () => boolean | Promise<boolean>,
  patienceMs: number,
): Promise<number> {
  const startMs = performance.now();
  return (await until(isSo, patienceMs)) ? performance.now() - startMs : Number.POSITIVE_INFINITY;
}
