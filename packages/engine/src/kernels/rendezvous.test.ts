import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { loadEngine } from "../binaries.ts";
import { TestMemory } from "./test-engine.ts";

const FLOATS = 16 * 31;

/**
 * An engine with workers, and a program that adds 1 to every float of `x` and halves it, in turn, shared out differently: a call that
 * begins before the one before is over, or a share done twice, leaves other values.
 */
async function start({ calls, workers: count }: { calls: number; workers: number }) {
  const { module } = await loadEngine();
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const engine = exports as unknown as Record<"init" | "launch" | "stop", (...args: number[]) => void>;
  engine.init();
  const workers: Worker[] = [];
  for (let thread = 1; thread <= count; thread++) {
    const worker = new Worker(new URL("../worker.js", import.meta.url));
    worker.postMessage({ module, memory, thread });
    await once(worker, "message");
    workers.push(worker);
  }
  const test = new TestMemory(memory.buffer);
  const x = test.floats(FLOATS);
  const ones = test.floats(new Float32Array(FLOATS).fill(1));
  const addition = { parameters: x, gradients: ones, velocity: test.floats(FLOATS), settings: [-1, 0, 0, 1, 0] };
  const halving = { source: ones, target: x, settings: test.floats([0.5, 0]) };
  for (let i = 0; i < calls; i += 2) {
    test.call("sgd", FLOATS / 16, { ...addition, settings: test.floats(addition.settings) });
    // The first and last panels, so that shares are others; then, with no units at all, a call that nobody takes.
    test.call("blend", FLOATS / 16 - 3, { ...halving, target: x + 64 });
  }
  test.call("blend", 0, halving);
  const program = test.table([...test.program.encode(0, 0)]);
  return { engine, workers, program, calls: calls + 1, values: new Float32Array(memory.buffer, x, FLOATS) };
}

/** What `launches` of the program leave: of the floats that are halved, and of the others. */
function expected(turns: number): { halved: number; added: number } {
  let halved = 0;
  for (let i = 0; i < turns; i++) halved = Math.fround(Math.fround(halved + 1) * 0.5);
  return { halved, added: turns };
}

function expectTurns(values: Float32Array, turns: number): void {
  const { halved, added } = expected(turns);
  const end = FLOATS - 32;
  expect(values.every((value, i) => value === (i < 16 || i >= end ? added : halved))).toBe(true);
}

describe("launch and worker", () => {
  it.each([1, 2, 7])("meet thousands of times, awake and out of sleep, with %i workers", async (count) => {
    const [launches, calls, naps] = [300, 4, 5];
    const { engine, workers, program, values, calls: all } = await start({ calls, workers: count });
    for (let nap = 0; nap < naps; nap++) {
      for (let i = 0; i < launches; i++) engine.launch(program, all, count + 1);
      // Far longer than the workers spin.
      await sleep(20);
    }
    expectTurns(values, (launches * naps * calls) / 2);
    engine.launch(program, all, 1);
    expectTurns(values, ((launches * naps + 1) * calls) / 2);
    const exits = workers.map((worker) => once(worker, "exit"));
    engine.stop();
    expect(await Promise.all(exits)).toEqual(workers.map(() => [0]));
  });

  it("do without a worker that never comes", async () => {
    const { engine, workers, program, values, calls } = await start({ calls: 4, workers: 1 });
    for (let i = 0; i < 100; i++) engine.launch(program, calls, 4);
    expectTurns(values, 200);
    const exits = workers.map((worker) => once(worker, "exit"));
    engine.stop();
    await Promise.all(exits);
  });

  it("stop lets workers return that never ran", async () => {
    const { engine, workers } = await start({ calls: 2, workers: 2 });
    const exits = workers.map((worker) => once(worker, "exit"));
    engine.stop();
    expect(await Promise.all(exits)).toEqual(workers.map(() => [0]));
  });
});
