/** What a service needs of its life beside others' when it has a database of its own. */
export { tellDatabase, tellOutbox } from "./database-figures.ts";
export { databaseUrlOf } from "./database-url.ts";
export { implementOutbox } from "./parked-events.ts";
