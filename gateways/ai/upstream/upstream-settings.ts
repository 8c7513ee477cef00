/** An upstream as the inference service describes it, in the gateway's own words. */
export interface UpstreamSettings {
  readonly name: string;
  readonly profile: string;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly firstTokenTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly totalTimeoutMs: number;
  /** Requests at once, over all gateway replicas; 0 for no limit. */
  readonly maxConcurrency: number;
  readonly isEnabled: boolean;
  readonly isStandby: boolean;
  /** What the inference service's probes say: up, degraded, down, unknown. */
  readonly state: string;
  readonly queueLength: number;
  /** 0 to 1. */
  readonly kvCacheRatio: number;
}

export interface UpstreamsSnapshot {
  readonly version: bigint;
  readonly upstreams: readonly UpstreamSettings[];
}

/** Where a base URL's server listens, and the path its API starts with. */
export function splitBaseUrl(baseUrl: string): { readonly address: string; readonly path: string } {
  if (baseUrl.startsWith("unix:")) {
    // unix:/run/engine-1.sock:/v1, the second colon parting socket and path.
    const colon = baseUrl.indexOf(":", 5);
    const end = colon === -1 ? baseUrl.length : colon;
    return { address: `unix:${baseUrl.slice(5, end)}`, path: baseUrl.slice(end + 1) };
  }
  const url = new URL(baseUrl);
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? "443" : "80") : url.port;
  const address = `${isTls ? "tls" : "tcp"}:${url.hostname}:${port}`;
  return { address, path: url.pathname.replace(/\/+$/, "") };
}
