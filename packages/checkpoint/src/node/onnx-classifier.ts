import { readFile } from "node:fs/promises";
import { type Images, type Logits, ndArray, RepvggError, ShapeError, seededRandom } from "@repvgg/core";
import type { InferenceSession } from "onnxruntime-node";
import { nhwcToNchw } from "../file-layout.ts";
import { onnxClasses, onnxPreprocessing } from "../onnx-metadata.ts";
import { onnxMetadata } from "../onnx-read.ts";
import { type OnnxSignature, onnxSignature } from "../onnx-values.ts";
import { loadOnnxRuntime } from "./load-onnxruntime.ts";

type ImageSize = readonly [height: number, width: number];

export interface OnnxClassifierOptions {
  /** Of the images that it will be asked about. */
  readonly imageSize: ImageSize;
  /** Others that it will be asked about, too. @default none */
  readonly otherSizes?: readonly ImageSize[];
  /** Of those images. @default 3 */
  readonly inputChannels?: number;
  /** @default as many as onnxruntime takes */
  readonly threads?: number;
}

/** An image classifier of any architecture, on the CPU. It owns native memory: dispose it. */
export interface OnnxClassifier {
  readonly spec: { readonly inputChannels: number; readonly numClasses: number };
  /** What its outputs stand for, where its metadata tell. */
  readonly classes: readonly string[] | undefined;
  /** `{ mean, std, … }` of its images, where its metadata tell; unchecked. */
  readonly preprocessing: object | undefined;
  /** The file's own answers. `predict` gives logits of either. */
  readonly answers: "logits" | "probabilities";
  /**
   * Logits; of a file that ends in a softmax log p, whose softmax at any temperature is that of its logits.
   *
   * @param images `[N, H, W, inputChannels]`, normalised as the classifier wants them; borrowed. Any N: a file of a fixed batch is
   *   run in pieces.
   * @returns `[N, numClasses]`, newly allocated.
   * @throws {RepvggError} `E_SHAPE`: images of another shape; `E_CHECKPOINT`: it fails, or an answer is not finite.
   */
  predict(images: Images): Promise<Logits>;
  /** Frees the native memory. */
  dispose(): Promise<void>;
}

/** The smallest float32 above 0: a probability that was rounded to 0 is no larger. */
const SMALLEST = 2 ** -149;
const PROBED = 4;

/**
 * Opens an ONNX file of any program by onnxruntime: one float32 input, `[N, C, H, W]` or `[N, H, W, C]`, whose first output is
 * `[N, classes]`. It is tried on a few random images of each size, which shows what its answers are.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: it cannot be read, is no such classifier, takes images of another size, or does not run;
 *   `E_DEVICE`: the package onnxruntime-node is not installed.
 */
export async function openOnnxClassifier(
  file: string,
  { imageSize, otherSizes = [], inputChannels = 3, threads }: OnnxClassifierOptions,
): Promise<OnnxClassifier> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new RepvggError("E_CHECKPOINT", `${file} cannot be read: ${cause.message}`, { cause });
  });
  const metadata = onnxMetadata(bytes, file);
  const session = await openSession(file, threads);
  try {
    const { inputMetadata, outputMetadata } = session;
    const signature = onnxSignature(inputMetadata, outputMetadata, inputChannels, file);
    const sizes = [imageSize, ...otherSizes];
    for (const size of sizes) checkSize(signature, size, file);
    const run = await runnerOf(session, signature, file);
    const probeOf = (size: ImageSize) => run(randomImages([PROBED, ...size, inputChannels]));
    const probe = await probeOf(imageSize);
    for (const size of otherSizes) await probeOf(size);
    const numClasses = probe.shape[1];
    const isSoftmax = areProbabilities(probe);
    return {
      spec: { inputChannels, numClasses },
      classes: onnxClasses(metadata, numClasses),
      preprocessing: onnxPreprocessing(metadata),
      answers: isSoftmax ? "probabilities" : "logits",
      async predict(images) {
        const [, H, W, C] = images.shape;
        if (!sizes.some(([height, width]) => height === H && width === W) || C !== inputChannels) {
          const wanted = sizes.map((size) => `[N, ${size.join(", ")}, ${inputChannels}]`).join(" or ");
          throw new ShapeError(`The images for ${file}`, wanted, images.shape);
        }
        const { shape, data } = await run(images);
        return ndArray(shape, isSoftmax ? data.map((p) => Math.log(Math.max(p, SMALLEST))) : data);
      },
      dispose: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function openSession(file: string, threads: number | undefined): Promise<InferenceSession> {
  const { InferenceSession } = await loadOnnxRuntime();
  try {
    // By its name: weights may lie in a second file beside it. Of messages only errors.
    return await InferenceSession.create(file, {
      logSeverityLevel: 3,
      ...(threads !== undefined && { intraOpNumThreads: threads }),
    });
  } catch (cause) {
    const why = (cause as Error).message;
    throw new RepvggError("E_CHECKPOINT", `${file} is no ONNX file that onnxruntime runs: ${why}`, { cause });
  }
}

function checkSize({ height, width }: OnnxSignature, [H, W]: ImageSize, file: string): void {
  if ((height ?? H) === H && (width ?? W) === W) return;
  throw new RepvggError(
    "E_CHECKPOINT",
    `${file} takes images of ${height ?? "any"}x${width ?? "any"} pixels, and these are ${H}x${W}. Use images of its size, or ` +
      "export it with open height and width.",
  );
}

/** The file's own answers to any number of images, in pieces of its batch where that is fixed. */
async function runnerOf(session: InferenceSession, signature: OnnxSignature, file: string) {
  const { Tensor } = await loadOnnxRuntime();
  const { input, output, layout } = signature;
  const ask = async (images: Images): Promise<Logits> => {
    const { shape, data } = layout === "NCHW" ? nhwcToNchw(images) : images;
    const answers = await session
      .run({ [input]: new Tensor("float32", data, shape) }, [output])
      .catch((cause: Error) => {
        throw new RepvggError("E_CHECKPOINT", `${file} fails on images [${shape}]: ${cause.message}`, { cause });
      });
    const { dims, data: logits } = answers[output]!;
    return checkAnswer(dims, logits as Float32Array, images.shape[0], file);
  };
  return async (images: Images): Promise<Logits> => {
    const [N, H, W, C] = images.shape;
    const batch = signature.batch ?? N;
    const parts: Logits[] = [];
    for (let from = 0; from < N; from += batch) {
      const part = images.data.subarray(from * H * W * C, (from + batch) * H * W * C);
      const whole = part.length === batch * H * W * C ? part : new Float32Array(batch * H * W * C);
      if (whole !== part) whole.set(part);
      parts.push(await ask(ndArray([batch, H, W, C], whole)));
    }
    const classes = parts[0]!.shape[1];
    const all = new Float32Array(N * classes);
    parts.forEach(({ data }, i) => {
      all.set(data.subarray(0, Math.min(data.length, all.length - i * batch * classes)), i * batch * classes);
    });
    return ndArray([N, classes], all);
  };
}

function checkAnswer(dims: readonly number[], data: Float32Array, N: number, file: string): Logits {
  const [answers, classes] = dims;
  if (dims.length !== 2 || answers !== N || classes === undefined || classes < 2) {
    throw new RepvggError("E_CHECKPOINT", `${file} answers ${N} images with [${dims}], not with [${N}, classes].`);
  }
  if (data.every(Number.isFinite)) return ndArray([N, classes], data);
  throw new RepvggError("E_CHECKPOINT", `${file} gives answers that are not finite: its weights are damaged.`);
}

function randomImages(shape: readonly [number, number, number, number]): Images {
  const random = seededRandom(1);
  return ndArray(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * random() - 1),
  );
}

/** Whether every row is of numbers from 0 that add up to 1: no logits do that for several images. */
function areProbabilities({ shape: [N, C], data }: Logits): boolean {
  return Array.from({ length: N }, (_, n) => data.subarray(n * C, (n + 1) * C)).every(
    (row) => row.every((p) => p >= 0) && Math.abs(row.reduce((sum, p) => sum + p, 0) - 1) < 1e-3,
  );
}
