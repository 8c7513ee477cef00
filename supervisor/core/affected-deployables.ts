/**
 * Which deployables have to be restarted because a source file changed; "all" for what everybody
 * shares, undefined for what nobody loads. `path` is relative to the repository, with "/".
 */
export function affectedDeployables(path: string): readonly string[] | "all" | undefined {
  if (!/\.(ts|js)$/.test(path) || /\.(test|suite)\.ts$/.test(path)) return undefined;
  const [top = "", second = "", third = ""] = path.split("/");
  if (top === "libs" || top === "contracts") return second === "testing" ? undefined : "all";
  if (top === "supervisor") return second === "host" || second === "host.ts" ? "all" : undefined;
  if (top === "router") return ["router"];
  if (top === "gateways") return [second];
  if (top === "services") {
    return second === "inference" && third === "engine" ? ["engine"] : [second];
  }
  return undefined;
}
