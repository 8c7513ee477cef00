/**
 * A `fetch` for the OpenAI and Anthropic SDKs, in Node and in browsers, without dependencies. It
 * gives every request a name, makes it again when its answer was lost, and asks for the rest of a
 * stream that broke, so that no token is lost or doubled and nothing is charged twice. When it
 * gives up it says so: the promise, or the body of the stream, fails with a `TandemError`.
 */
export { createFetch } from "./create-fetch.ts";
export { SilenceError, TandemError, type TandemErrorCode } from "./faults.ts";
export type { FetchOptions, RetryNote } from "./fetch-options.ts";
