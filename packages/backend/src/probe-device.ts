import { RepvggError } from "@repvgg/core";

/** Long enough for a cold disk: TensorFlow is half a gigabyte. */
const TIMEOUT_MS = 120_000;

/** By what is asked. */
const probed = new Map<string, Promise<object>>();

/**
 * Loads a device's libraries in a process of their own first: what crashes there is an error here. Done once for each device.
 *
 * @param args Those of `probe-process.js`.
 * @param env More variables of its environment.
 * @returns What the probe found; empty outside of Node.
 * @throws {RepvggError} `E_DEVICE`: it crashed, failed or hung; the message says which, and with what words.
 */
export function probeDevice(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<object> {
  if (!globalThis.process?.versions?.node) return Promise.resolve({});
  const question = JSON.stringify([args, env]);
  const known = probed.get(question) ?? probe(name, args, env);
  probed.set(question, known);
  return known;
}

async function probe(name: string, args: readonly string[], more: Readonly<Record<string, string>>): Promise<object> {
  const { execFile } = await import("node:child_process");
  const { fileURLToPath } = await import("node:url");
  const script = fileURLToPath(new URL("./probe-process.js", import.meta.url));
  const env = { TF_CPP_MIN_LOG_LEVEL: "2", ...process.env, ...more };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, ...args], { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const answer = /^\{.*\}$/m.exec(stdout)?.[0];
      if (!error && answer) return resolve(JSON.parse(answer));
      const why = !error
        ? "its process ended without an answer"
        : error.killed
          ? `it did not answer within ${TIMEOUT_MS / 1000} s`
          : error.signal
            ? `its libraries crash when they are loaded (${error.signal})`
            : reasonIn(stderr);
      reject(new RepvggError("E_DEVICE", `The device "${name}" does not work here: ${why}.`, { cause: error }));
    });
  });
}

/** The message of the error that ended the process. */
function reasonIn(stderr: string): string {
  const line = /^(?:\w*Error)(?: \[\w+\])?: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split("\n").at(-1) ?? "";
  return line.trim().replace(/\.$/, "") || "its process ended without a word";
}
