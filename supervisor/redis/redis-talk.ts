import { connect } from "node:net";

const timeoutMs = 500;

/**
 * Sends one inline command to a Redis socket and resolves with the first bytes of its answer, as
 * text; undefined when nobody answers. Enough to ask whether a server lives, and who it is.
 */
export function askRedis(socketPath: string, command: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    let answer = "";
    const finish = (result: string | undefined): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => finish(undefined));
    socket.once("error", () => finish(undefined));
    socket.once("close", () => finish(answer === "" ? undefined : answer));
    socket.on("data", (chunk) => {
      answer += chunk.toString();
      finish(answer);
    });
    socket.write(`${command}\r\n`);
  });
}

/** The process number of the server behind a socket, once it is ready to serve; else undefined. */
export async function readyRedisPid(socketPath: string): Promise<number | undefined> {
  if (!(await askRedis(socketPath, "PING"))?.startsWith("+PONG")) return undefined;
  const info = await askRedis(socketPath, "INFO server");
  const pid = Number(/^process_id:([0-9]+)\r?$/m.exec(info ?? "")?.[1]);
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
}
