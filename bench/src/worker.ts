/**
 * One peer in a process of its own, so that its idle threads, caches and memory are nobody else's: told by a {@link WorkerRequest}
 * what to do, it writes a {@link WorkerReady} and then, for each number of repetitions that it reads, a {@link Measurement}.
 */
import { readFileSync } from "node:fs";
import { caseInputs } from "./case-inputs.ts";
import { loadDevice } from "./device-peer.ts";
import { loadOnnxRuntime } from "./onnx-peer.ts";
import type { Loader, Runner, WorkerRequest } from "./runner.ts";
import { answerMeasurements, say } from "./serve-work.ts";

const LOADERS: Record<string, Loader> = {
  engine: loadDevice("wasm"),
  "tfjs-wasm": loadDevice("tfjs-wasm"),
  native: loadDevice("native"),
  "onnxruntime-node": loadOnnxRuntime("onnxruntime-node"),
  "onnxruntime-web": loadOnnxRuntime("onnxruntime-web"),
};

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
  await answerMeasurements(runner);
} catch (error) {
  say({ absent: error instanceof Error ? error.message : String(error) });
}
process.exit();
