import type { ResponseHead } from "@tandem/libs/http";
import type { Route } from "../core/route-table.ts";
import { SentStream } from "./sent-stream.ts";
import { framingOf } from "./stream-framing.ts";

/** With the head of a stream: what another replica of the gateway needs to go on with it. */
export const handOverField = "x-tandem-handover";
const requestBytesField = "x-tandem-handover-request-bytes";

/** More than this of one stream is not kept, and a longer one is cut when its replica is lost. */
const sentBytesMax = 1024 * 1024;

/**
 * A stream that outlives the replica that gives it. States: given → lost (another replica was asked
 * to go on) → given …, as often as replicas are lost, within a limit.
 */
export class HandOver {
  readonly sent: SentStream;
  #token: string;
  #isLost = false;
  /** Replicas that were lost while they gave it. */
  #losses = 0;

  private constructor(token: string, contentType: string) {
    this.#token = token;
    this.sent = new SentStream(sentBytesMax, framingOf(contentType));
  }

  /** Undefined for what no other replica could go on with. */
  static of(head: ResponseHead, route: Route): HandOver | undefined {
    if (head.status !== 200 || route.replay !== "always") return undefined;
    const token = head.headers.get(handOverField);
    const contentType = head.headers.get("content-type") ?? "";
    return token === undefined ? undefined : new HandOver(token, contentType);
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Whether another replica may be asked once more. */
  mayMove(lossesMax: number): boolean {
    return this.sent.isWhole && !this.sent.isEnded && this.#losses < lossesMax;
  }

  /** Its replica is gone. */
  lost(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#losses += 1;
    this.sent.dropRest();
  }

  /** True when the replica that was asked goes on with it. */
  takes(head: ResponseHead): boolean {
    const token = head.headers.get(handOverField);
    if (head.status !== 200 || token === undefined) return false;
    this.#token = token;
    this.#isLost = false;
    return true;
  }

  /** The request once more, with what the client has of its answer behind it. */
  bodyFor(request: Buffer): Buffer {
    return Buffer.concat([request, this.sent.bytes]);
  }

  fieldsFor(request: Buffer): readonly (readonly [name: string, value: string])[] {
    return [
      [handOverField, this.#token],
      [requestBytesField, `${request.length}`],
    ];
  }
}
