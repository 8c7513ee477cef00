/** One thing that has happened, for whoever watches an operation that takes its time. */
export type Tell = (event: string, fields?: Readonly<Record<string, unknown>>) => void;
