/** Where a replica listens: `unix:/run/x/auth-1.sock` or `tcp:127.0.0.1:4600`. */
export type Address = `unix:${string}` | `tcp:${string}`;
