import { accessSync, constants, statfsSync } from "node:fs";
import type { Command, Context } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";

interface Check {
  readonly id: string;
  readonly status: "passed" | "warning" | "failed";
  readonly detail: string;
  readonly remedy?: string;
}

const mebibyte = 1024 * 1024;
const roomWarnMib = 1024;
const clockSkewMs = 5_000;
const timeoutMs = 5_000;

/** One line a check, remedies under those that failed; exit code 8 when one has. */
export const doctor: Command = {
  name: "doctor",
  usage: "",
  summary: "Looks for what is wrong, and says what to do about it.",
  words: [0, 0],
  run: async (context) => {
    const checks: Check[] = [
      checkNode(),
      checkFolder(context),
      await checkSupervisor(context),
      await checkDoor(context),
      await checkKey(context),
      await checkUpstreams(context),
    ];
    const count = (status: Check["status"]): number =>
      checks.filter((check) => check.status === status).length;
    const marks = { passed: "✓", warning: "!", failed: "✗" } as const;
    const lines = checks.flatMap(({ id, status, detail, remedy }) => [
      `${marks[status]} ${id.padEnd(14)} ${detail}`,
      ...(status === "passed" || remedy === undefined ? [] : [`  ${remedy}`]),
    ]);
    const failed = count("failed");
    const sum = `${count("passed")} passed, ${count("warning")} warnings, ${failed} failed`;
    return {
      data: { version: 1, checks },
      text: [...lines, sum].join("\n"),
      exitCode: failed > 0 ? exitCodes.checksFailed : exitCodes.ok,
    };
  },
};

function checkNode(): Check {
  const [major = 0] = process.versions.node.split(".").map(Number);
  const detail = `Node ${process.versions.node}`;
  if (major >= 24) return { id: "node", status: "passed", detail };
  return { id: "node", status: "failed", detail, remedy: "Run it by npm run tandem." };
}

function checkFolder({ settings }: Context): Check {
  const { dataDirectory } = settings;
  try {
    accessSync(dataDirectory, constants.R_OK | constants.W_OK);
    const { bavail, bsize } = statfsSync(dataDirectory);
    const freeMib = Math.floor((bavail * bsize) / mebibyte);
    const detail = `${dataDirectory}, ${freeMib} MiB free`;
    if (freeMib >= roomWarnMib) return { id: "data directory", status: "passed", detail };
    return { id: "data directory", status: "warning", detail, remedy: "Free some disk space." };
  } catch {
    return {
      id: "data directory",
      status: "failed",
      detail: `${dataDirectory} is not there, or not yours`,
      remedy: "Name it with --data DIR, or start one: npm start",
    };
  }
}

async function checkSupervisor({ control }: Context): Promise<Check> {
  try {
    const { state, pid, processes } = await control.status();
    const detail = `${state}, pid ${pid}, ${processes.length} processes`;
    if (state === "ready") return { id: "supervisor", status: "passed", detail };
    return { id: "supervisor", status: "warning", detail, remedy: "See: tandem status" };
  } catch (error) {
    return failed("supervisor", error, "Start it: npm start");
  }
}

async function checkDoor({ settings, world }: Context): Promise<Check> {
  const { baseUrl } = settings;
  if (baseUrl === undefined) return failed("door", "no address is known", "Set OPENAI_BASE_URL.");
  try {
    const url = `${new URL(baseUrl).origin}/readyz`;
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const told = Date.parse(response.headers.get("date") ?? "");
    const skewMs = Math.abs(world.clock.nowMs() - told);
    if (!response.ok) return failed("door", `not ready: ${await response.text()}`, "tandem status");
    if (skewMs > clockSkewMs) {
      const detail = `its clock differs by ${Math.round(skewMs / 1000)} s`;
      return { id: "door", status: "warning", detail, remedy: "Set the clocks by NTP." };
    }
    return { id: "door", status: "passed", detail: `${url} answers` };
  } catch (error) {
    return failed("door", error, "Is something between here and there? Try curl -v.");
  }
}

async function checkKey({ api }: Context): Promise<Check> {
  try {
    await api.call("GET", "/me");
    return { id: "key", status: "passed", detail: "the management key is valid" };
  } catch (error) {
    return failed("key", error, "Make another one: tandem keys create, with a key that is.");
  }
}

async function checkUpstreams({ api }: Context): Promise<Check> {
  try {
    const { data } = (await api.call("GET", "/models")) as { readonly data?: readonly unknown[] };
    const count = data?.length ?? 0;
    const detail = `${count} models`;
    if (count > 0) return { id: "models", status: "passed", detail };
    const remedy = "Name an upstream in tandem.yaml; docs/guides/upstreams.md shows how.";
    return { id: "models", status: "warning", detail, remedy };
  } catch (error) {
    return failed("models", error, "See: tandem status");
  }
}

function failed(id: string, error: unknown, remedy: string): Check {
  const detail = error instanceof Error ? error.message : String(error);
  return { id, status: "failed", detail, remedy };
}
