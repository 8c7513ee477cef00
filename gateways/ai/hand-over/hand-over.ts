/**
 * How a stream goes from a replica that was lost to another one. The first replica gives the router
 * a token with the stream's head; the router keeps it, the request and what the client was sent,
 * and brings all of it to another replica of its choice. Only who got the head of that very answer
 * has its token: a client's own `x-tandem-` fields never pass the router, and the token is no part
 * of the answer that a client gets. So nobody can make up an answer to be gone on with.
 */

/** The token, on its way to the router and back. */
export const handOverField = "x-tandem-handover";
/** How many bytes of the body are the request; what the client was sent stands behind them. */
export const handOverLengthField = "x-tandem-handover-request-bytes";

/** Streams longer than this are not handed over. */
export const handOverBytesMax = 1024 * 1024;

/**
 * The last word of a stream that was ended on purpose without its end, so that the router does not
 * take it for one that broke.
 */
export const endedComment = ": ended\n\n";

/** A stream of another replica, of which the client has a part. */
export interface HandOver {
  /** What the client has, in whole events of its dialect. */
  readonly sent: Buffer;
  /** The model that was answering, which `auto` might choose otherwise now. */
  readonly model: string;
  /** Who was asked, and under which name it has the model. */
  readonly upstream: string;
  readonly upstreamModel: string;
  /** Whose request it is. */
  readonly keyId: string;
}
