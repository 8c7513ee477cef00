import type { RequestHead, ResponseHead } from "./contract.ts";
import { FieldBlock } from "./field-block.ts";
import type { HeadScanner } from "./head-scanner.ts";

/** A request's head as it was scanned; its parts become strings when they are asked for. */
export class ScannedRequestHead implements RequestHead {
  readonly method: string;
  readonly target: string;
  readonly headers: FieldBlock;
  readonly contentLength: number | undefined;

  constructor(text: string, scanner: HeadScanner) {
    this.method = scanner.method;
    this.target = text.slice(scanner.targetStart, scanner.targetEnd);
    this.headers = new FieldBlock(text, scanner.takeMarks());
    const { contentLength, isChunked } = scanner.facts;
    this.contentLength = isChunked || contentLength < 0 ? undefined : contentLength;
  }

  get path(): string {
    const mark = this.target.indexOf("?");
    return mark < 0 ? this.target : this.target.slice(0, mark);
  }

  get query(): string {
    const mark = this.target.indexOf("?");
    return mark < 0 ? "" : this.target.slice(mark + 1);
  }
}

export class ScannedResponseHead implements ResponseHead {
  readonly status: number;
  readonly headers: FieldBlock;
  readonly contentLength: number | undefined;

  constructor(text: string, scanner: HeadScanner) {
    this.status = scanner.status;
    this.headers = new FieldBlock(text, scanner.takeMarks());
    const { contentLength } = scanner.facts;
    this.contentLength = contentLength < 0 ? undefined : contentLength;
  }
}
