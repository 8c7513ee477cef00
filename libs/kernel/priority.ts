/**
 * How much a request matters when there is more to do than can be done, least first. A request
 * carries its place in this list, a number: what has a lower one is given up first.
 */
export const priorities = ["sheddable", "default", "critical"] as const;

export type PriorityName = (typeof priorities)[number];

/** What a request is unless somebody says otherwise. */
export const priorityDefault = 1;

/** In which header field a request says what it is. */
export const priorityField = "x-tandem-priority";

/** The place of a name in the list; undefined for what is none. */
export function priorityOf(name: string): number | undefined {
  const place = (priorities as readonly string[]).indexOf(name);
  return place < 0 ? undefined : place;
}

export function priorityName(priority: number): PriorityName {
  return priorities[priority] ?? priorities[priorityDefault];
}
