import { count, duration, secret, text, toggle } from "@tandem/libs/config";
import { z } from "zod";

/** Settings of the supervisor itself: section `supervisor` of the file, or flags. */
export const configSchema = z.strictObject({
  port: count({
    doc: "Port of the one public door; 0 takes a free one.",
    default: 4600,
    min: 0,
    max: 65_535,
  }),
  grpc: toggle({ doc: "Serve gRPC on a port of its own beside the public one.", default: true }),
  grpcPort: count({
    doc: "That port; the one after `port` when absent (4601), 0 takes a free one.",
    min: 0,
    max: 65_535,
  }).optional(),
  host: text({
    doc: "Address both ports are bound to. The default is reached from this machine only.",
    default: "127.0.0.1",
  }),
  data: text({
    doc: "Folder of everything that lasts: databases, journals, keys, logs.",
    default: ".tandem",
  }),
  topology: text({
    doc: "tandem, single, or the path of a topology file.",
    default: "tandem",
  }),
  logLevel: z
    .enum(["debug", "info", "warn", "error"])
    .default("info")
    .meta({ description: "Least level of the lines that processes write." }),
  drainTimeoutMs: duration({
    doc: "How long answers under way may still take when the platform stops.",
    default: "30s",
    min: "0s",
    max: "15m",
  }),
  silenceLimitMs: duration({
    doc: "A process whose event loop has been silent for so long is replaced.",
    default: "8s",
    min: "3s",
    max: "5m",
  }),
  memoryPercentMax: count({
    doc: "Percent of its heap or container; a process that uses so much is replaced beside it.",
    default: 85,
    min: 60,
    max: 100,
  }),
  levelPatienceMs: duration({
    doc: "How long a level may take to become ready before the next one starts all the same.",
    default: "20s",
    min: "1s",
    max: "10m",
  }),
  orphanLimitMs: duration({
    doc: "How long processes go on serving when the supervisor was killed and no successor comes.",
    default: "10m",
    min: "0s",
    max: "24h",
  }),
  keyOverlapMs: duration({
    doc: "How long passports of the old signing keys are accepted after a rotation of the keys.",
    default: "2m",
    min: "30s",
    max: "24h",
  }),
  databaseUrl: secret({
    doc: "PostgreSQL to use (DATABASE_URL); a private one is run when absent.",
  }).optional(),
  hotStoreUrl: secret({
    doc: "Redis or Valkey to use (REDIS_URL); a private or an embedded store when absent.",
  }).optional(),
  model: toggle({ doc: "Run the embedded engine's language model.", default: true }),
  detect: toggle({ doc: "Look for model servers on this machine's usual ports.", default: true }),
  useEnvKeys: toggle({
    doc: "Use provider keys found in the environment; they cost money, so never unasked.",
    default: false,
  }),
  watch: toggle({ doc: "Restart processes whose source files change.", default: false }),
  verbose: toggle({ doc: "Show the processes' info lines on a terminal too.", default: false }),
});

export type Config = Readonly<z.output<typeof configSchema>>;

/** Port of gRPC alone; undefined where it is to have none. */
export function wishedGrpcPort({
  grpc,
  grpcPort,
  port,
}: Pick<Config, "grpc" | "grpcPort" | "port">): number | undefined {
  if (!grpc) return undefined;
  const isNextOne = port > 0 && port < 65_535;
  return grpcPort ?? (isNextOne ? port + 1 : 0);
}
