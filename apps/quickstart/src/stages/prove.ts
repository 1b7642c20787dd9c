import type { Device } from "@repvgg/backend";
import { compareLogits, type Form, fuseState, type Logits, type RepVggSpec, type StateDict } from "@repvgg/core";
import type { ImageDataset } from "@repvgg/data";
import { evaluate } from "@repvgg/distill";
import type { Proof } from "../result.ts";
import { predictedClass } from "./judge.ts";
import { plainBatches } from "./mnist.ts";

const BATCH_SIZE = 250;

export interface LogitsOptions {
  readonly device: Device;
  readonly spec: RepVggSpec;
  readonly signal: AbortSignal;
  onProgress?(fraction: number): void;
}

/** A network's logits of all images of a data set, in order: `[images, C]`. */
export async function logitsOf(
  dataset: ImageDataset,
  { form, state }: { form: Form; state: StateDict },
  { device, spec, signal, onProgress }: LogitsOptions,
): Promise<Logits> {
  const network = await device.createNetwork({ spec, state, form, imageSize: dataset.size, batchSize: BATCH_SIZE });
  try {
    const { logits } = await evaluate(network, plainBatches(dataset, BATCH_SIZE), {
      keepLogits: true,
      signal,
      onBatch: ({ batch, batches }) => onProgress?.(batch / batches),
    });
    return logits!;
  } finally {
    network.dispose();
  }
}

/** Fuses a trained network and compares the answers of both forms to every test image. */
export async function proveFusion(
  test: ImageDataset,
  state: StateDict,
  options: LogitsOptions,
): Promise<{ proof: Proof; fused: StateDict; logits: Logits }> {
  const { spec, onProgress } = options;
  const fused = fuseState(spec, state);
  const half = (start: number) => ({
    ...options,
    onProgress: (fraction: number) => onProgress?.(start + fraction / 2),
  });
  const logits = await logitsOf(test, { form: "train", state }, half(0));
  const fusedLogits = await logitsOf(test, { form: "deploy", state: fused }, half(0.5));
  const errors = (answers: Logits) => {
    let wrong = 0;
    for (let i = 0; i < test.length; i++) if (predictedClass(answers, i) !== test.label(i)) wrong++;
    return wrong;
  };
  const proof = {
    images: test.length,
    ...compareLogits(fusedLogits, logits),
    trainErrors: errors(logits),
    deployErrors: errors(fusedLogits),
  };
  return { proof, fused, logits };
}
