/** A stream of another replica, of which the client has a part. */
export interface HandOver {
  /** What the client has, in whole events. */
  readonly sent: Buffer;
  /** Who gave it, and under which name it has the model. */
  readonly upstream: string;
  readonly upstreamModel: string;
}
