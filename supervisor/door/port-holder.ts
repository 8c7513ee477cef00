import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The process that listens on a port of this machine, as far as this user may see it. */
export interface PortHolder {
  readonly pid: number;
  /** The program's name: `node`. */
  readonly name: string;
  readonly looksLikeTandem: boolean;
}

const listening = "0A";

/** Inodes of the sockets that listen on a port, from the text of /proc/net/tcp or tcp6. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes: string[] = [];
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, local = "", , state] = fields;
    const inode = fields[9];
    if (state === listening && local.endsWith(`:${hexPort}`) && inode !== undefined) {
      inodes.push(inode);
    }
  }
  return inodes;
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return fallback;
  }
}

function linksOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).map((name) => {
      try {
        return readlinkSync(`${folder}/${name}`);
      } catch {
        return "";
      }
    });
  } catch {
    return [];
  }
}

/** Finds out who listens on a port; undefined when this user may not see it, or nobody does. */
export function findPortHolder(port: number): PortHolder | undefined {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    listeningInodes(readOr(table, ""), port),
  );
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  if (wanted.size === 0) return undefined;
  const holders: PortHolder[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    if (!linksOf(`/proc/${pid}/fd`).some((link) => wanted.has(link))) continue;
    const words = readOr(`/proc/${pid}/cmdline`, "").split("\0");
    const name = (words[0] ?? "").split("/").at(-1) || readOr(`/proc/${pid}/comm`, "?").trim();
    const looksLikeTandem = words.some((word) => /supervisor\/(main|host)\.ts$/.test(word));
    holders.push({ pid, name, looksLikeTandem });
  }
  // A supervisor holds the socket too, and is started before its routers: the one to talk about.
  const [first] = holders.sort((one, other) => one.pid - other.pid);
  if (first === undefined) return undefined;
  return { ...first, looksLikeTandem: holders.some(({ looksLikeTandem }) => looksLikeTandem) };
}
