const limitDefault = 20;
const limitMax = 100;

/** How many rows a page has. */
export function pageSize(limit: number): number {
  return Math.min(limit || limitDefault, limitMax);
}

/** Rows that were asked for with one more than a page has: the page, and whether there is more. */
export function pageOf<Row>(rows: readonly Row[], size: number): [readonly Row[], boolean] {
  return [rows.slice(0, size), rows.length > size];
}
