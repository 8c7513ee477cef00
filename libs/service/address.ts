/** Where a replica listens: `unix:/run/x/auth-1.sock` or `tcp:127.0.0.1:4600`. */
export type Address = `unix:${string}` | `tcp:${string}`;

/** `unix:/run/x/auth-1.sock` → `auth-1`; an address of another form stands for itself. */
export function replicaIdAt(address: Address): string {
  return /\/([^/]+)\.sock$/.exec(address)?.[1] ?? address;
}
