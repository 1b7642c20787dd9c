import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { loadEngine } from "../binaries.ts";
import { TestMemory } from "./test-engine.ts";

const THREADS = 3;
const FLOATS = 16 * 31;

/** An engine with workers, and a program that adds 1 to every float of `x`, in several calls. */
async function start(calls: number) {
  const { module } = await loadEngine();
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const engine = exports as unknown as Record<"init" | "launch" | "stop", (...args: number[]) => void>;
  engine.init();
  const workers: Worker[] = [];
  for (let thread = 1; thread < THREADS; thread++) {
    const worker = new Worker(new URL("../worker.js", import.meta.url));
    worker.postMessage({ module, memory, thread });
    await once(worker, "message");
    workers.push(worker);
  }
  const test = new TestMemory(memory.buffer);
  const x = test.floats(FLOATS);
  const addition = {
    parameters: x,
    gradients: test.floats(new Float32Array(FLOATS).fill(1)),
    velocity: test.floats(FLOATS),
    settings: test.floats([-1, 0, 0, 1, 0]),
  };
  for (let i = 0; i < calls; i++) test.call("sgd", FLOATS / 16, addition);
  const program = test.table([...test.program.encode(0, 0)]);
  return { engine, workers, program, values: new Float32Array(memory.buffer, x, FLOATS) };
}

describe("launch and worker", () => {
  it("meet thousands of times, awake and out of sleep", async () => {
    const [launches, calls, naps] = [500, 4, 5];
    const { engine, workers, program, values } = await start(calls);
    for (let nap = 0; nap < naps; nap++) {
      for (let i = 0; i < launches; i++) engine.launch(program, calls, THREADS);
      // Far longer than the workers spin.
      await sleep(20);
    }
    expect(values.every((value) => value === launches * calls * naps)).toBe(true);
    engine.launch(program, calls, 1);
    expect(values[0]).toBe(launches * calls * naps + calls);
    const exits = workers.map((worker) => once(worker, "exit"));
    engine.stop();
    expect(await Promise.all(exits)).toEqual(workers.map(() => [0]));
  });

  it("stop lets workers return that never ran", async () => {
    const { engine, workers } = await start(1);
    const exits = workers.map((worker) => once(worker, "exit"));
    engine.stop();
    expect(await Promise.all(exits)).toEqual(workers.map(() => [0]));
  });
});
