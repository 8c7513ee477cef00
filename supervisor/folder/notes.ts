import { createHash } from "node:crypto";
import { topologyProcessSchema } from "@tandem/libs/service";
import { z } from "zod";
import { readJsonFile, writePrivateFile } from "./private-file.ts";

/** Process 0 is nobody: one that was about to be started again. */
const identitySchema = z.object({ pid: z.int().nonnegative(), startTicks: z.string() });

/**
 * What a supervisor leaves for the one after it, should it be killed: who runs, from which code, on
 * which door, and what a start with the same wishes looks like.
 */
const notesSchema = z.object({
  version: z.literal(2),
  /** Sockets of the processes, named by them: `router-1.link`, `router-1.door`. */
  runDirectory: z.string(),
  door: z.object({ host: z.string(), port: z.int() }),
  /** Of gRPC alone, on the same host; absent where there is none. */
  grpcDoor: z.object({ port: z.int() }).optional(),
  /** Of the topology that the start was made with; it may have been scaled since. */
  topologyHash: z.string(),
  processes: z.array(
    identitySchema.extend({
      spec: topologyProcessSchema,
      /** Where its code is: another folder than ours in the middle of an upgrade. */
      sourceFolder: z.string(),
      /** Others call it. One that is being replaced is not called any more, and leaves. */
      isMember: z.boolean(),
      /** Whose place it has in an upgrade that is under way, and where that one's code is. */
      replaces: z.object({ process: z.string(), sourceFolder: z.string() }).optional(),
    }),
  ),
  stores: z.array(identitySchema.extend({ name: z.string() })),
  /** Folders to remove when all is over. */
  folders: z.array(z.string()),
});

export type Notes = z.infer<typeof notesSchema>;
export type NotedProcess = Notes["processes"][number];

/** Undefined when there are none, or none that this version understands. */
export function readNotes(path: string): Notes | undefined {
  try {
    const parsed = notesSchema.safeParse(readJsonFile(path));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export function writeNotes(path: string, notes: Notes): void {
  writePrivateFile(path, `${JSON.stringify(notes)}\n`, { isLasting: false });
}

export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
