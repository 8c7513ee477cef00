import { constants, type FileHandle, open, rm, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Fault } from "@tandem/libs/kernel";
import { sleep, type World } from "@tandem/libs/world";
import { faults } from "../faults.ts";
import { type HttpTarget, requestUrl } from "./request-url.ts";

export interface FetchFileOptions {
  readonly target: HttpTarget;
  /** Where the bytes go. What is there already is the beginning, and is not fetched again. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly world: World;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number) => void;
  /** Silence after which a connection counts as dead. */
  readonly idleTimeoutMs?: number;
  /** Attempts in a row that bring nothing before the source counts as failed. */
  readonly fruitlessMax?: number;
}

const fruitlessMaxDefault = 3;
const pauseMs = 1000;

/**
 * Fetches a file of known size, resuming where a cut left it (RFC 9110, section 14). It goes on as
 * long as attempts bring bytes, and fails with `engine.source_failed` after a few that do not.
 * Whether the bytes are the right ones is for the caller's hash to say.
 */
export async function fetchFile(options: FetchFileOptions): Promise<void> {
  const { path, sizeBytes, world, signal, fruitlessMax = fruitlessMaxDefault } = options;
  let fruitless = 0;
  for (;;) {
    const before = await sizeOf(path);
    if (before === sizeBytes) return;
    if (before > sizeBytes) await rm(path, { force: true });
    try {
      await fetchOnce(options, before > sizeBytes ? 0 : before);
    } catch (error) {
      if (signal.aborted || isLasting(error)) throw error;
      const after = await sizeOf(path);
      fruitless = after > before ? 0 : fruitless + 1;
      if (fruitless >= fruitlessMax) throw error;
      await sleep(world, pauseMs * (fruitless + 1));
    }
  }
}

/** One request; appends to what is there, or starts over when the server will not resume. */
async function fetchOnce(options: FetchFileOptions, offset: number): Promise<void> {
  const { target, path, sizeBytes, signal, onProgress, idleTimeoutMs = 30_000 } = options;
  const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const headers = { ...target.headers, "accept-encoding": "identity", ...range };
  // Opened first: between an answer's head and its listeners nothing may come that takes time.
  const file = await open(path, constants.O_RDWR | constants.O_CREAT).catch((error: unknown) => {
    throw asFault(error, path);
  });
  let done = offset;
  try {
    const { response } = await requestUrl({
      target: { ...target, headers },
      signal,
      idleTimeoutMs,
    });
    if (response.statusCode === 416) done = 0;
    done = startOf(response, offset);
    await consume(response, async (chunk) => {
      if (done + chunk.length > sizeBytes) throw wrongSize(`it is longer than ${sizeBytes} bytes`);
      await writeAt(file, chunk, done);
      done += chunk.length;
      onProgress(done);
    });
  } catch (error) {
    // What cannot be resumed starts over; old bytes behind new ones would look like progress.
    if (done < offset) await file.truncate(done);
    throw asFault(error, path);
  } finally {
    await file.close();
  }
  if (done < sizeBytes) throw refused(`the connection ended after ${done} of ${sizeBytes} bytes`);
}

const waitingBytesMax = 1024 * 1024;

/**
 * Hands a body's chunks on, one after the other. What had come before a cut is handed on too: an
 * iterator or a pipeline would throw away what it holds when the connection breaks.
 */
function consume(
  response: IncomingMessage,
  place: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let waitingBytes = 0;
    let placing = Promise.resolve();
    response.on("data", (chunk: Buffer) => {
      waitingBytes += chunk.length;
      if (waitingBytes > waitingBytesMax) response.pause();
      placing = placing
        .then(() => place(chunk))
        .then(() => {
          waitingBytes -= chunk.length;
          if (waitingBytes <= waitingBytesMax) response.resume();
        });
      placing.catch((error: unknown) => {
        response.destroy();
        reject(error);
      });
    });
    response.on("end", () => placing.then(resolve, reject));
    response.on("error", (error) => placing.then(() => reject(error), reject));
    response.on("close", () => placing.then(() => reject(cutOff()), reject));
  });
}

function cutOff() {
  return refused("the connection was cut");
}

async function writeAt(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const length = chunk.length - written;
    const result = await file.write(chunk, written, length, position + written);
    written += result.bytesWritten;
  }
}

/** Refusals of the moment: too slow, too many, or not from that byte on. */
const passing = new Set([408, 416, 429]);

/** Where the body begins; 0 when the server sends everything again. */
function startOf(response: IncomingMessage, offset: number): number {
  const status = response.statusCode ?? 0;
  if (status === 200) return 0;

  const range = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1];
  if (status === 206 && offset > 0 && Number(range) === offset) return offset;
  response.destroy();
  const isLastingFailure = status >= 400 && status < 500 && !passing.has(status);
  throw refused(`it answered with status ${status}`, isLastingFailure);
}

function refused(detail: string, isLastingFailure = false) {
  return faults.source_failed({
    publicMessage: `The download failed: ${detail}.`,
    context: { isLasting: isLastingFailure },
  });
}

function wrongSize(detail: string) {
  return faults.file_corrupt({
    publicMessage: `The download is not the expected file: ${detail}.`,
  });
}

/** Trying again at once cannot help: the file is not there, or there is no room for it. */
function isLasting(error: unknown): boolean {
  if (!Fault.is(error)) return false;
  return error.reason !== "engine.source_failed" || error.context["isLasting"] === true;
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.size ?? 0;
}

const unwritable = new Set(["EACCES", "EROFS", "ENOENT", "ENOTDIR", "EISDIR", "EPERM"]);

/** A full disk is said as one; a broken connection as a failure that may pass. */
export function asFault(error: unknown, path: string): unknown {
  if (Fault.is(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return faults.disk_full({
      publicMessage: `There is no room for ${path}. Free some space; the download goes on then.`,
      cause: error,
    });
  }
  if (code !== undefined && unwritable.has(code)) {
    return faults.model_refused({
      publicMessage: `${path} cannot be written (${code}). Give the engine a data folder it owns.`,
      cause: error,
    });
  }
  if (code === undefined || code.startsWith("ERR_ASSERTION")) return error;
  return faults.source_failed({
    publicMessage: `The download failed: the connection broke (${code}).`,
    cause: error,
  });
}
