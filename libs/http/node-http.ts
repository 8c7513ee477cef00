/**
 * `node:http` without `import`: that would read all of its exports, among them the client behind
 * `fetch`, whose loading costs every process that starts a twentieth of its time.
 */
export const nodeHttp = process.getBuiltinModule("node:http");
