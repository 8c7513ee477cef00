/** Where every call and every streamed chunk passes; people's management plane is not among it. */
const requestPath = new Set(["router", "ai"]);

export function isOnRequestPath(deployables: readonly string[]): boolean {
  return deployables.some((deployable) => requestPath.has(deployable));
}
