import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findVariant } from "@repvgg/core";
import { afterAll, describe, expect, it } from "vitest";
import type { Case } from "./case.ts";
import { compare } from "./compare.ts";
import { WorkerProcess } from "./worker-process.ts";

const folder = mkdtempSync(join(tmpdir(), "repvgg-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An interpreter in PyTorch's place that ignores the worker's path and runs `code` instead. */
function interpreter(name: string, code: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!${process.execPath}\n${code}\n`);
  chmodSync(path, 0o755);
  return path;
}

const READY = `console.log(JSON.stringify({ description: "a peer", startMs: 0, logits: null }));`;
const SEGFAULT = `process.kill(process.pid, "SIGSEGV"); setTimeout(() => {}, 10000);`;
const CRASHES_AT_ONCE = interpreter("at-once", SEGFAULT);
const CRASHES_IN_A_ROUND = interpreter(
  "in-a-round",
  `${READY} let left = 7; process.stdin.on("data", () => {
    if (left-- === 0) { ${SEGFAULT} }
    else console.log(JSON.stringify({ ms: 100, cpuMs: 1, peakBytes: 1 }));
  });`,
);
const COMPLAINS = interpreter("complains", `throw new Error("no memory format works");`);

const work: Case = {
  id: "test",
  title: "test",
  spec: findVariant("mnist-student").spec,
  form: "deploy",
  imageSize: 28,
  batchSize: 1,
  work: "predict",
  wide: false,
  threads: 1,
  peers: { pytorch: 0 },
};

const start = (python: string) =>
  WorkerProcess.start({ peer: "pytorch", work, threads: 1, model: "" }, { node: process.execPath, python });

describe("a worker process", () => {
  it("that crashes before it is ready gives the reason", async () => {
    expect(await start(CRASHES_AT_ONCE)).toBe("the process ended with signal SIGSEGV");
    expect(await start(COMPLAINS)).toBe("the process ended with exit code 1: Error: no memory format works");
    expect(await start(join(folder, "missing"))).toMatch(/^the process did not start: .*ENOENT/);
  });

  it("that crashes later fails the measurement, and closes", async () => {
    const worker = await start(interpreter("later", `${READY} process.stdin.once("data", () => { ${SEGFAULT} });`));
    if (typeof worker === "string") throw new Error(worker);
    await expect(worker.measure(1)).rejects.toThrow("the process ended with signal SIGSEGV");
    await worker.close();
  });
});

describe("compare", () => {
  const settings = (python: string) => ({
    rounds: 5,
    threads: 1,
    seconds: 1,
    waitSeconds: 0,
    busyCore: false,
    interpreters: { node: process.execPath, python },
  });

  it.each([
    ["at its start", CRASHES_AT_ONCE],
    ["in the middle of a row", CRASHES_IN_A_ROUND],
  ])("goes on without a peer that crashes %s", async (_, python) => {
    const { results, absent, rounds } = await compare(work, settings(python));
    expect(absent).toEqual(["pytorch: the process ended with signal SIGSEGV"]);
    expect(results.map(({ peer }) => peer)).toEqual(["engine"]);
    expect(rounds).toBe(5);
  });

  it("has no results without the engine", async () => {
    const interpreters = { node: interpreter("no-engine", SEGFAULT), python: CRASHES_AT_ONCE };
    const { results, absent } = await compare(work, {
      rounds: 5,
      threads: 1,
      seconds: 1,
      waitSeconds: 0,
      busyCore: false,
      interpreters,
    });
    expect(results).toEqual([]);
    expect(absent[0]).toBe("engine: the process ended with signal SIGSEGV");
  });
});
