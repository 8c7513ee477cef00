import type { Exchange, HeaderFields } from "../../http/index.ts";

/** An answer that is a file, made while it is sent, so that its length is nobody's memory. */
export interface FileReply {
  /** `text/csv; charset=utf-8`. */
  readonly mediaType: string;
  /** As browsers keep it. */
  readonly name: string;
  readonly pieces: AsyncIterable<string | Uint8Array>;
}

/** A file whose first piece is there: whatever could be refused has been. */
export interface BegunFile {
  readonly first: IteratorResult<string | Uint8Array>;
  readonly rest: AsyncIterator<string | Uint8Array>;
}

export async function beginFile({ pieces }: FileReply): Promise<BegunFile> {
  const rest = pieces[Symbol.asyncIterator]();
  return { first: await rest.next(), rest };
}

export function fileHeaders({ mediaType, name }: FileReply): HeaderFields {
  const disposition = `attachment; filename="${name.replace(/[^\w.-]/g, "_")}"`;
  return [
    ["content-type", mediaType],
    ["content-disposition", disposition],
  ];
}

/**
 * Sends the pieces as the client takes them. When one cannot be made the answer is broken off, so
 * that half a file never looks like a whole one; that error is thrown. A client that leaves ends
 * the making.
 */
export async function sendFile(
  exchange: Exchange,
  headers: HeaderFields,
  { first, rest }: BegunFile,
): Promise<void> {
  let hasLeft = false;
  let wake: (() => void) | undefined;
  exchange.onAbort(() => {
    hasLeft = true;
    wake?.();
  });
  exchange.startStream(200, headers);
  const isBodiless = exchange.head.method === "HEAD";
  try {
    for (let piece = first; !piece.done && !hasLeft && !isBodiless; piece = await rest.next()) {
      if (piece.value.length === 0) continue;
      const { value } = piece;
      if (exchange.write(typeof value === "string" ? value : Buffer.from(value))) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        exchange.onDrain(resolve);
        if (hasLeft) resolve();
      });
    }
    exchange.end();
  } catch (error) {
    exchange.cut();
    throw error;
  } finally {
    await rest.return?.();
  }
}
