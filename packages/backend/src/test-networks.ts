import {
  defineSpec,
  fuseState,
  type Images,
  initialState,
  type LossFunction,
  layerPlan,
  ndArray,
  type RepVggSpec,
  type StateDict,
} from "@repvgg/core";
import { randomImages, randomState } from "@repvgg/tooling";
import { logSoftmax, mul, neg, oneHot, type Scalar, sum, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";

export const IMAGE_SIZE = [9, 7] as const;

/** Small, with odd sizes and all kinds of blocks: with and without identity branch, stride 1 and 2. */
export const SPEC: RepVggSpec = defineSpec({
  numBlocks: [1, 2, 1, 1],
  widthMultiplier: [1 / 16, 1 / 16, 1 / 32, 1 / 32],
  strides: [1, 2, 1, 2, 1],
  numClasses: 5,
});

/** With statistics as after training, so that no branch is trivial. */
export const trainState = (): StateDict => randomState(layerPlan(SPEC, IMAGE_SIZE), "train", 4);
export const deployState = (): StateDict => fuseState(SPEC, trainState());
/** As training begins. */
export const freshState = (): StateDict => initialState(SPEC, 2);

export const images = (count: number): Images => randomImages([count, ...IMAGE_SIZE, 3], 1);

/** The images from `start` to before `end`. */
export const slice = ({ shape: [, H, W, C], data }: Images, start: number, end: number): Images =>
  ndArray([end - start, H, W, C], data.slice(start * H * W * C, end * H * W * C));

/** Mean cross-entropy, times a factor. */
export function crossEntropy(labels: readonly number[], factor = 1): LossFunction<Tensor, Scalar> {
  return ({ logits }) => {
    const likelihood = mul(oneHot([...labels], logits.shape[1]!), logSoftmax(logits as Tensor2D));
    return mul(neg(sum(likelihood)), factor / labels.length);
  };
}
