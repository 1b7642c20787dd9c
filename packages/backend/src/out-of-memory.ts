import { layerPlan, type RepVggSpec, RepvggError } from "@repvgg/core";

/** How libraries say that memory is missing: TensorFlow by its status 8, or by oneDNN's status 1; JavaScript about its arrays. */
const WORDS =
  /TF_Status: 8\b|OOM when allocating|exception:Status: 1,|out of memory|array buffer allocation|invalid (typed )?array (buffer )?length/i;

/**
 * What is thrown for an error of a tfjs device: `E_MEMORY` where its memory did not suffice, else the error itself.
 *
 * @param images How many were computed at once.
 */
export function explainMemory(error: unknown, images: number, [height, width]: readonly [number, number]): unknown {
  if (error instanceof RepvggError || !(error instanceof Error)) return error;
  if (!WORDS.test(error.message)) return error;
  return new RepvggError(
    "E_MEMORY",
    `The device ran out of memory with ${images} images of ${height}x${width} at once. Use a smaller batch or smaller images; ` +
      "`repvgg train --batch-size auto` finds the largest batch that fits.",
    { cause: error },
  );
}

interface Wanted {
  readonly spec: RepVggSpec;
  readonly imageSize: readonly [height: number, width: number];
  readonly batchSize: number;
}

/**
 * Checks the largest array of a network against the largest one that a device can hold: WebGPU gives wrong answers beyond, not errors.
 *
 * @throws {RepvggError} `E_MEMORY`; the message has the batch that would fit.
 */
export function assertArraysFit({ spec, imageSize, batchSize }: Wanted, largestBytes: number): void {
  const [height, width] = imageSize;
  const outputs = layerPlan(spec, imageSize).blocks.map(({ outputSize: [h, w], outChannels }) => h * w * outChannels);
  const bytesPerImage = 4 * Math.max(height * width * spec.inputChannels, ...outputs);
  const fits = Math.floor(largestBytes / bytesPerImage);
  if (batchSize <= fits) return;
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw new RepvggError(
    "E_MEMORY",
    `A batch of ${batchSize} images of ${height}x${width} has arrays of ${mebibytes(batchSize * bytesPerImage)} MiB, and this device holds ` +
      `${mebibytes(largestBytes)} MiB in one. ${fits > 0 ? `A batch of ${fits} would fit.` : "Not even one image fits: use smaller ones."}`,
  );
}
