import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Incident } from "./core/alerts/alert-book.ts";

const incidentSchema = z.object({
  id: z.string(),
  alert: z.string(),
  subject: z.string(),
  severity: z.string(),
  reason: z.string(),
  openedAtMs: z.number(),
  lastSeenAtMs: z.number(),
  closedAtMs: z.number().optional(),
  closeReason: z.string(),
});
const contentSchema = z.object({
  open: z.array(incidentSchema),
  untold: z.array(incidentSchema),
});

export interface AlertFileContent {
  readonly open: readonly Incident[];
  /** Not in the log yet: it was away. */
  readonly untold: readonly Incident[];
}

/**
 * What a replica of monitoring must not forget while the log is away, in one small file: written to
 * another name and renamed, so that a crash leaves the old one. One that cannot be read is none.
 */
export function createAlertFile(directory: string): {
  read(): Promise<AlertFileContent>;
  write(content: AlertFileContent): Promise<void>;
} {
  const path = join(directory, "alerts.json");
  return {
    async read() {
      try {
        const { open, untold } = contentSchema.parse(JSON.parse(await readFile(path, "utf8")));
        return { open: open.map(toIncident), untold: untold.map(toIncident) };
      } catch {
        return { open: [], untold: [] };
      }
    },
    async write(content) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFile(`${path}.next`, JSON.stringify(content), { mode: 0o600 });
      await rename(`${path}.next`, path);
    },
  };
}

function toIncident(read: z.output<typeof incidentSchema>): Incident {
  return { ...read, closedAtMs: read.closedAtMs };
}
