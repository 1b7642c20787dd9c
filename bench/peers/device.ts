import { type Device, openDevice } from "@repvgg/backend";
import { crossEntropy, oneHot } from "@repvgg/distill";
import { type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { caseData } from "../case-data.ts";
import type { Case, Peer, Runner } from "../peer.ts";

const STEP = { learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4, nesterov: false };

/** A peer that is one of our own devices: the engine, or tfjs's WebAssembly backend. */
export function devicePeer(name: string, deviceName: string): Peer {
  return {
    name,
    async open(work, threads) {
      const device = await openDevice(deviceName, { threads });
      if (work.work === "train" && !device.trains) {
        device.dispose();
        return "does not train";
      }
      return work.work === "train" ? trainer(device, work) : predictor(device, work);
    },
  };
}

async function predictor(device: Device, work: Case): Promise<Runner> {
  const { images, state } = caseData(work);
  const { spec, imageSize, batchSize } = work;
  const network = await device.createNetwork({
    spec,
    state,
    form: "deploy",
    imageSize: [imageSize, imageSize],
    batchSize,
  });
  return {
    description: device.description,
    measure: (times) => meanOf(times, () => network.predict(images)),
    logits: async () => (await network.predict(images)).data,
    close: async () => {
      network.dispose();
      device.dispose();
    },
  };
}

async function trainer(device: Device, work: Case): Promise<Runner> {
  const { images, labels, state } = caseData(work);
  const { spec, imageSize, batchSize } = work;
  const network = await device.createTrainableNetwork({ spec, state, imageSize: [imageSize, imageSize], batchSize });
  const loss = ({ logits }: { logits: unknown }) =>
    tidy(() => crossEntropy(logits as Tensor2D, oneHot(labels, spec.numClasses)));
  return {
    description: device.description,
    measure: (times) => meanOf(times, () => network.trainStep(images, loss, STEP)),
    close: async () => {
      network.dispose();
      device.dispose();
    },
  };
}

async function meanOf(times: number, run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < times; i++) await run();
  return (performance.now() - start) / times;
}
