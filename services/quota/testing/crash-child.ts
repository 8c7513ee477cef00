/** A replica of the books in a process of its own, to be killed at any moment. */
import { decodeScript, playScript } from "./crash-script.ts";

await playScript(decodeScript(process.argv[2] ?? ""));
