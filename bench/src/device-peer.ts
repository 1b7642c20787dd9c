import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Loader } from "./runner.ts";

const STEP = { learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4, nesterov: false };

/**
 * Loads one of our own devices: the engine, or one of tfjs's backends.
 *
 * @throws {RepvggError} `E_DEVICE`: there is no such device here; `E_UNSUPPORTED`: it does not train.
 */
export const loadDevice =
  (name: string): Loader =>
  async ({ work, threads }) => {
    const { openDevice } = await import("@repvgg/backend");
    const { parseCheckpoint } = await import("@repvgg/checkpoint");
    const { crossEntropy, oneHot } = await import("@repvgg/distill");
    const { tidy } = await import("@tensorflow/tfjs-core");
    if (name === "wasm" && work.wide) (await import("@repvgg/engine")).enableWideKernels();

    return async (bytes, images, labels) => {
      const device = await openDevice(name, { threads });
      const { spec, form, batchSize } = work;
      const imageSize = [work.imageSize, work.imageSize] as const;
      const { state } = parseCheckpoint(bytes);
      const { description } = device;
      if (work.work !== "train") {
        const network = await device.createNetwork({ spec, state, form, imageSize, batchSize });
        return {
          description,
          run: () => network.predict(images),
          logits: async () => (await network.predict(images)).data,
        };
      }
      const network = await device.createTrainableNetwork({ spec, state, imageSize, batchSize });
      const targets = () => oneHot(labels, spec.numClasses);
      const loss = ({ logits }: { logits: unknown }) => tidy(() => crossEntropy(logits as Tensor2D, targets()));
      return { description, run: () => network.trainStep(images, loss, STEP), logits: () => null };
    };
  };
