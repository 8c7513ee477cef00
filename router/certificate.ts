import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { ServerCertificate } from "@tandem/libs/http";
import type { Log } from "@tandem/libs/telemetry";
import type { Timer, World } from "@tandem/libs/world";
import { routerFaults } from "./faults.ts";

export interface CertificateFiles {
  readonly current: ServerCertificate;
  /** When the certificate in use ends, in seconds since 1970. */
  readonly endsAtSeconds: () => number;
  /** Looks every half minute whether the files have changed; a broken pair is not taken over. */
  watch(given: {
    readonly world: World;
    readonly log: Log;
    onChange(certificate: ServerCertificate): void;
  }): Timer;
}

const watchPeriodMs = 30_000;

interface Paths {
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** Undefined when no paths are configured. Throws `router.certificate_unusable` for what is no pair. */
export function openCertificate(paths: Paths): CertificateFiles | undefined {
  const { certificatePath, keyPath } = paths;
  if (certificatePath === "" && keyPath === "") return undefined;
  if (certificatePath === "" || keyPath === "") {
    throw routerFaults.certificate_unusable({
      publicMessage: "TLS needs both tls.certificate_path and tls.key_path. Set the other one too.",
    });
  }
  let stamp = stampOf(paths);
  const current = readPair(paths);
  let endsAt = endOf(current);
  return {
    current,
    endsAtSeconds: () => endsAt,
    watch: ({ world, log, onChange }) =>
      world.timers.every(watchPeriodMs, () => {
        try {
          const now = stampOf(paths);
          if (now === stamp) return;
          const renewed = readPair(paths);
          onChange(renewed);
          endsAt = endOf(renewed);
          stamp = now;
          log.info("certificate_renewed", { path: certificatePath });
        } catch (error) {
          log.error("certificate_unusable", { path: certificatePath, detail: String(error) });
        }
      }),
  };
}

function endOf({ certificate }: ServerCertificate): number {
  return Date.parse(new X509Certificate(certificate).validTo) / 1_000;
}

function stampOf({ certificatePath, keyPath }: Paths): string {
  return `${stampOfFile(certificatePath)} ${stampOfFile(keyPath)}`;
}

function stampOfFile(path: string): string {
  try {
    const { mtimeMs, ino } = statSync(path);
    return `${ino}:${mtimeMs}`;
  } catch {
    return "missing";
  }
}

function readPair({ certificatePath, keyPath }: Paths): ServerCertificate {
  try {
    const certificate = readFileSync(certificatePath);
    const key = readFileSync(keyPath);
    createSecureContext({ cert: certificate, key });
    return { certificate, key };
  } catch (cause) {
    throw routerFaults.certificate_unusable({
      publicMessage:
        `The TLS certificate ${certificatePath} and key ${keyPath} cannot be used: ` +
        `${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    });
  }
}
