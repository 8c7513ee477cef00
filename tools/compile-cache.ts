/**
 * Loaded before each test file: what it imports is compiled once for all of them. Not by the
 * environment, which the product's processes would inherit: they have a cache of their own.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";

enableCompileCache(join(import.meta.dirname, "../node_modules/.cache/compile"));
