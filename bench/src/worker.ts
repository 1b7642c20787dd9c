/**
 * One peer in a process of its own, so that its idle threads, caches and memory are nobody else's: told by a {@link WorkerRequest}
 * what to do, it writes a {@link WorkerReady} and then, for each number of repetitions that it reads, a {@link Measurement}.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { caseInputs } from "./case-inputs.ts";
import { loadDevice } from "./device-peer.ts";
import { loadOnnxRuntime } from "./onnx-peer.ts";
import { peakMemory } from "./peak-memory.ts";
import type { Loader, Measurement, Runner, WorkerReady, WorkerRequest } from "./runner.ts";

const LOADERS: Record<string, Loader> = {
  engine: loadDevice("wasm"),
  "tfjs-wasm": loadDevice("tfjs-wasm"),
  native: loadDevice("native"),
  "onnxruntime-node": loadOnnxRuntime("onnxruntime-node"),
  "onnxruntime-web": loadOnnxRuntime("onnxruntime-web"),
};

const say = (message: WorkerReady | Measurement) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function measure(runner: Runner, times: number): Promise<Measurement> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < times; i++) await runner.run();
  const ms = (performance.now() - start) / times;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, peakBytes: peakMemory() };
}

async function open(request: WorkerRequest): Promise<{ runner: Runner; startMs: number }> {
  const { images, labels } = caseInputs(request.work);
  const make = await LOADERS[request.peer]!(request);
  const bytes = readFileSync(request.model);
  const start = performance.now();
  const runner = await make(bytes, images, labels);
  await runner.run();
  return { runner, startMs: performance.now() - start };
}

const request = JSON.parse(process.argv[2]!) as WorkerRequest;
try {
  const { runner, startMs } = await open(request);
  const logits = await runner.logits();
  say({ description: runner.description, startMs, logits: logits && [...logits] });
  for await (const line of createInterface({ input: process.stdin })) {
    await runner.run(); // threads wake, caches fill
    say(await measure(runner, Number(line)));
  }
} catch (error) {
  say({ absent: error instanceof Error ? error.message : String(error) });
}
process.exit();
