/**
 * What `browser.test.ts` runs in a browser, as an application would: a grouped network with squeeze-and-excitation takes a training step
 * on WebGPU and in the engine, and answers in both forms. Posts what each gave.
 */
import "@tensorflow/tfjs-backend-webgpu";
import { defineSpec, fuseState, initialState, ndArray, seededRandom } from "@repvgg/core";
import { losses, oneHot, type Scalar } from "@tensorflow/tfjs-core";
import { openDevice } from "../open-device.ts";

const spec = defineSpec({
  numBlocks: [1, 2, 1, 1],
  widthMultiplier: [1 / 4, 1 / 8, 1 / 16, 1 / 32],
  strides: [1, 2, 1, 2, 1],
  groups: { 2: 2, 3: 4 },
  squeezeExcitation: "after-relu",
  numClasses: 5,
});
const imageSize = [9, 7] as const;
const labels = [0, 1, 2, 3];
const random = seededRandom(1);
const pixels = Float32Array.from({ length: labels.length * 9 * 7 * 3 }, () => 2 * random() - 1);
const images = ndArray([labels.length, ...imageSize, 3], pixels);

/** What a device gives, as numbers. */
async function resultsOn(name: "webgpu" | "wasm") {
  const device = await openDevice(name, { threads: 1 });
  const batchSize = labels.length;
  const learner = await device.createTrainableNetwork({ spec, imageSize, batchSize, state: initialState(spec, 1) });
  const step = { learningRate: 0.02, momentum: 0.9, weightDecay: 1e-4, nesterov: true };
  const target = () => oneHot(labels, spec.numClasses);
  const { loss } = await learner.trainStep(
    images,
    ({ logits }) => losses.softmaxCrossEntropy(target(), logits) as Scalar,
    step,
  );
  const state = await learner.exportState();
  const train = await learner.predict(images);
  learner.dispose();
  const fused = { spec, imageSize, batchSize, form: "deploy", state: fuseState(spec, state) } as const;
  const network = await device.createNetwork(fused);
  const deploy = await network.predict(images);
  network.dispose();
  const parameters = Object.fromEntries([...state].map(([key, { data }]) => [key, [...data]]));
  return { description: device.description, loss, train: [...train.data], deploy: [...deploy.data], parameters };
}

async function answer(): Promise<unknown> {
  try {
    return { webgpu: await resultsOn("webgpu"), wasm: await resultsOn("wasm") };
  } catch (error) {
    return { error: String((error as Error).stack ?? error) };
  }
}

// Not awaited at the top: parts that are loaded later import this one, and would wait for its end.
void answer().then((result) => fetch("/result", { method: "POST", body: JSON.stringify(result) }));
