/** In which dialect a stream is told, as far as its end is concerned. */
export type StreamDialect = "chat" | "messages" | "responses" | "unknown";

export interface EventBlock {
  /** A comment, or nothing that a client acts upon. */
  readonly isEmpty: boolean;
  /** The number that the server gave it; undefined when it gave none. */
  readonly id: number | undefined;
  /** Its `event` and `data` fields. */
  readonly name: string;
  readonly data: string;
  /** The server's last word of a stream that it ends on purpose without its end. */
  readonly isEndedComment: boolean;
}

/** Reads one block as the standard says: later `event` and `id` fields win, `data` lines join. */
export function readBlock(block: string): EventBlock {
  let name = "";
  let id: number | undefined;
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && /^\d{1,15}$/.test(value)) id = Number(value);
  }
  const isEmpty = data.length === 0 && name === "";
  const isEndedComment = isEmpty && /^: ?ended\s*$/.test(block);
  return { isEmpty, id, name, data: data.join("\n"), isEndedComment };
}

/** By the path that was asked: whose client reads this. */
export function dialectOf(path: string): StreamDialect {
  if (/\/(chat\/)?completions$/.test(path)) return "chat";
  if (/\/messages$/.test(path)) return "messages";
  return /\/responses(\/[^/]+)?$/.test(path) ? "responses" : "unknown";
}

/**
 * - `whole`: nothing is missing.
 * - `settled`: the caller has been told what became of it; an orderly end is one.
 * - `failed`: the caller has been told that the rest does not come; no end is an orderly one.
 */
export type StreamEnd = "whole" | "settled" | "failed";

/** What an event says of the end; undefined: that there is more. */
export function endOf(dialect: StreamDialect, { name, data }: EventBlock): StreamEnd | undefined {
  if (name === "error" || /^\s*\{\s*"error"\s*:\s*\{/.test(data)) return "failed";
  switch (dialect) {
    case "chat":
      return data.trim() === "[DONE]" ? "whole" : undefined;
    case "messages":
      return name === "message_stop" ? "whole" : undefined;
    case "responses":
      if (name === "response.failed") return "settled";
      return wholeResponse.has(name) ? "whole" : undefined;
    case "unknown":
      return undefined;
  }
}

const wholeResponse = new Set(["response.completed", "response.incomplete", "response.cancelled"]);
