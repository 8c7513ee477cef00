/**
 * Who may import what. Every rule says why, and what to do instead. The four sentences behind them
 * are in ARCHITECTURE.md.
 */
const deployable = "^(router|supervisor|gateways/[^/]+|services/[^/]+|clients/[^/]+)/";
const notProduction =
  "(\\.test\\.ts$|\\.suite\\.ts$|/testing/|/test-fixtures/|^tests/|^bench/|^tools/)";

export default {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      comment:
        "Two files that need each other are one idea in two files, or a third idea without a file. " +
        "Move what both need into a file of its own.",
      from: {},
      to: { circular: true },
    },
    {
      name: "deployables-are-islands",
      severity: "error",
      comment:
        "A deployable is replaced and upgraded alone. Call the other one through its contract, or " +
        "copy the few lines; with the third user they move into libs.",
      from: { path: deployable },
      to: { path: deployable, pathNot: "^$1/" },
    },
    {
      name: "libs-know-no-business",
      severity: "error",
      comment: "Libs serve every deployable alike. Pass what is particular in as a parameter.",
      from: { path: "^libs/" },
      to: { path: "^(router|supervisor|gateways|services|clients|tests|tools|bench)/" },
    },
    {
      name: "kernel-is-pure",
      severity: "error",
      comment: "The kernel does no input or output and needs nobody. Put it into libs/world.",
      from: { path: "^libs/kernel/", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-optional"] },
    },
    {
      name: "decisions-are-pure",
      severity: "error",
      comment:
        "A core folder decides and does not act: no sockets, files, processes or libraries. Hand " +
        "in what it needs to know and let the shell do what it says.",
      from: { path: "/core/", pathNot: "(\\.test\\.ts$|/engine/core/)" },
      to: {
        path: "^(node:)?(fs|net|http|https|http2|child_process|dgram|tls|worker_threads|timers)",
        dependencyTypes: ["core"],
        // net.BlockList and isIP are arithmetic.
        pathNot: "^(node:)?net$",
      },
    },
    {
      name: "layers-point-down",
      severity: "error",
      comment: "kernel ← world ← config, telemetry ← http, store ← rpc ← service ← gateway.",
      from: {
        path: "^libs/(world|config|telemetry|http|store|rpc|resilience)/",
        pathNot: notProduction,
      },
      to: { path: "^libs/(service|gateway)/" },
    },
    {
      name: "resilience-stands-on-kernel-and-world",
      severity: "error",
      comment:
        "Its state machines run in the simulator; nothing that touches a socket may come in.",
      from: { path: "^libs/resilience/", pathNot: notProduction },
      to: { path: "^libs/", pathNot: "^libs/(resilience|kernel|world)/" },
    },
    {
      name: "contracts-depend-on-nothing",
      severity: "error",
      comment: "Contracts are what everybody agrees on; they may need nobody.",
      from: { path: "^contracts/" },
      to: { path: `^libs/|${deployable}` },
    },
    {
      name: "no-testing-in-production",
      severity: "error",
      comment: "libs/testing opens back doors on purpose. Only tests, benches and tools use it.",
      from: { pathNot: `${notProduction}|^libs/testing/` },
      to: { path: "(^libs/testing/|^tests/|\\.test\\.ts$)" },
    },
    {
      name: "front-door-only",
      severity: "error",
      comment:
        "A lib's index.ts is its door, as is one of a folder in it that not everybody who comes in " +
        "by the other door should have to load. Export there what others need.",
      from: { pathNot: "^libs/" },
      to: { path: "^libs/[^/]+/", pathNot: "^libs/.+/index\\.ts$" },
    },
    {
      name: "libs-front-door-only",
      severity: "error",
      comment: "Libs use each other's doors as well.",
      from: { path: "^libs/([^/]+)/" },
      to: { path: "^libs/[^/]+/", pathNot: "^libs/($1/|.+/index\\.ts$)" },
    },
    {
      name: "declared-deps-only",
      severity: "error",
      comment:
        "npm hoists, so undeclared packages resolve by luck. Declare it in the nearest package.json.",
      from: { pathNot: notProduction },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "resolves",
      severity: "error",
      comment: "What cannot be resolved fails at start. Check the path; imports end in .ts.",
      from: {},
      to: {
        couldNotResolve: true,
        // The engine's library is installed on first use, in a folder of its own.
        pathNot: "^node-llama-cpp$",
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^node_modules|/node_modules/|^contracts/gen/.*\\.d\\.ts$)" },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".mjs", ".js", ".json"],
    },
  },
};
