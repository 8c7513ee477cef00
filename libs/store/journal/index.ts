/** The local journal: what must survive kill -9 before anybody else has it. */
export type { JournalRecord } from "./frame.ts";
export { type Journal, type JournalOptions, openJournal } from "./journal.ts";
