import { openConnection, type RequestSource } from "./connection.ts";
import { keepHttp2Stream } from "./http2-stream.ts";
import type { JobResult } from "./job.ts";
import type { KeptStream, StreamJob } from "./kept-stream.ts";
import { messageCounter } from "./message-counter.ts";
import { keepSocketStream } from "./socket-stream.ts";
import { createTally, type Tally } from "./tally.ts";

const eventStart = Buffer.from("data: ");

/** Paced streams: counts the events that arrive in the window. */
export async function streamLoad(job: StreamJob, requests: RequestSource): Promise<JobResult> {
  const tally = createTally(job.pids);
  const streams = openStreams(job, requests, tally);
  const result = await tally.window(job);
  streams.close();
  return result;
}

/** Idle streams: opens them, holds them, and counts those that are open. */
export async function idleLoad(job: StreamJob, requests: RequestSource): Promise<JobResult> {
  const tally = createTally(job.pids);
  const streams = openStreams(job, requests, tally);
  const result = await tally.window(job);
  streams.close();
  return { ...result, units: streams.opened };
}

interface Streams {
  /** Streams that have shown their first event. */
  readonly opened: number;
  close(): void;
}

/** Four hundred a second: a burst would measure how a cold process meets one. */
const opensPerTick = 4;
const tickMs = 10;

function openStreams(job: StreamJob, requests: RequestSource, tally: Tally): Streams {
  const closers: (() => void)[] = [];
  let opened = 0;
  const timer = setInterval(() => {
    const missing = job.connections - closers.length;
    for (let index = 0; index < Math.min(missing, opensPerTick); index += 1) {
      const onOpen = (): void => {
        opened += 1;
      };
      closers.push(keepStream({ job, requests, tally, onOpen }));
    }
  }, tickMs);
  return {
    get opened() {
      return opened;
    },
    close: () => {
      clearInterval(timer);
      for (const close of closers) close();
    },
  };
}

/** Keeps one stream open until it is told to close it; gives how that is done. */
function keepStream(given: KeptStream): () => void {
  const { form = "events" } = given.job;
  if (form === "grpc") return keepHttp2Stream(given, messageCounter);
  if (form === "http2") return keepHttp2Stream(given, () => countEvents);
  if (form === "websocket") return keepSocketStream(given);
  return keepBodyStream(given, form === "events" ? countEvents : messageCounter());
}

/** One whose events are the body of an answer of HTTP/1.1. */
function keepBodyStream(
  { job, requests, tally, onOpen }: KeptStream,
  count: (bytes: Buffer) => number,
): () => void {
  let isStreaming = false;
  let isRefused = false;
  const connection = openConnection(job.target, requests, {
    onHead: (status) => {
      isRefused = status !== 200;
      if (isRefused) tally.problem(`status ${status}`);
    },
    onBody: (bytes) => {
      if (isRefused) return;
      if (!isStreaming) onOpen();
      isStreaming = true;
      tally.unit(count(bytes));
    },
    // A refused stream is not asked for again: a generator must not be a storm of retries.
    onEnd: () => {
      if (!isRefused) connection.ask();
    },
    onBroken: (problem) => tally.problem(problem),
  });
  connection.ask();
  return () => connection.close();
}

/** An event whose first bytes fall on the seam of two reads is missed; at 200 bytes that is rare. */
function countEvents(bytes: Buffer): number {
  let count = 0;
  let position = bytes.indexOf(eventStart);
  while (position >= 0) {
    count += 1;
    position = bytes.indexOf(eventStart, position + eventStart.length);
  }
  return count;
}
