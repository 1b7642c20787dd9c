import {
  backward64,
  crossEntropy64,
  forward64,
  relativeError,
  type State64,
  sgd64,
  torchReference,
} from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // registers the gradients
import {
  addN,
  getKernel,
  losses,
  memory,
  mul,
  oneHot,
  registerKernel,
  type Scalar,
  setBackend,
  square,
  sum,
  type Tensor,
  tensor1d,
  unregisterKernel,
} from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Images } from "../nd-array.ts";
import type { LossFunction } from "../network.ts";
import type { SgdStep } from "../optimizer-step.ts";
import { createTfjsNetwork } from "./create-tfjs-network.ts";
import { equivalentKernelBias } from "./equivalent-kernel-bias.ts";

type Loss = LossFunction<Tensor, Scalar>;

/** The fixtures' loss: cross-entropy, and a share of that of each auxiliary classifier. */
const crossEntropy =
  (labels: readonly number[], factor = 1, share = 0.1): Loss =>
  ({ logits, auxiliary }) => {
    const targets = oneHot(tensor1d([...labels], "int32"), logits.shape[1]!);
    const own = losses.softmaxCrossEntropy<Tensor, Scalar>(targets, logits);
    const others = auxiliary.map((z) => mul<Scalar>(losses.softmaxCrossEntropy(targets, z), share));
    return mul<Scalar>(addN<Scalar>([own, ...others]), factor);
  };

const create = (torch: ReturnType<typeof torchReference>) =>
  createTfjsNetwork({ spec: torch.plan.spec, form: "train", state: torch.state });

beforeAll(async () => {
  await setBackend("cpu");
});

describe.each(["plain", "grouped", "plus"] as const)("TfjsTrainableNetwork against PyTorch in float64, %s", (name) => {
  const torch = torchReference(name);
  const loss = crossEntropy(torch.labels, 1, torch.auxiliaryWeight);

  it.each([false, true])(
    "trains five steps with the same losses, nesterov %s, and ends in the same state",
    async (nesterov) => {
      const network = create(torch);
      const found: number[] = [];
      for (const _ of torch.losses) {
        const result = await network.trainStep(torch.images, loss, { ...torch.sgd, nesterov });
        if (found.length === 0) expect(relativeError(result.logits.data, torch.trainLogits)).toBeLessThan(1e-5);
        found.push(result.loss);
      }
      const reference = nesterov ? torch.nesterovLosses : torch.losses;
      const differences = found.map((value, i) => Math.abs(value - reference[i]!));
      expect(Math.max(...differences)).toBeLessThan(1e-4);
      if (!nesterov) {
        const trained = await network.exportState();
        for (const [entry, { data }] of torch.stateAfter) {
          // Five steps of float32, in which a sign of the ReLU may differ: still far below one step's change.
          expect(relativeError(trained.get(entry)!.data, data), entry).toBeLessThan(1e-3);
        }
      }
      network.dispose();
    },
  );

  it("trains five steps with the authors' custom L2 penalty", async () => {
    const network = create(torch);
    const { weight, losses, kernelsAfter } = torch.customL2;
    for (const expected of losses) {
      const step = { ...torch.sgd, nesterov: false, customL2: weight };
      expect(Math.abs((await network.trainStep(torch.images, loss, step)).loss - expected)).toBeLessThan(1e-4);
    }
    const trained = await network.exportState();
    for (const [entry, { data }] of kernelsAfter) {
      // As above; without the penalty, or with weight decay beside it, 2e-4 of the largest weight off.
      expect(relativeError(trained.get(entry)!.data, data), entry).toBeLessThan(2e-5);
    }
    network.dispose();
  });

  it("has PyTorch's gradients", async () => {
    const network = create(torch);
    // Without momentum and decay, a step of rate 1 subtracts the gradient.
    await network.trainStep(torch.images, loss, { learningRate: 1, momentum: 0, weightDecay: 0, nesterov: false });
    const after = await network.exportState();
    network.dispose();
    const scale = Math.max(...[...torch.gradients.values()].flatMap(({ data }) => [...data].map(Math.abs)));
    for (const [parameter, { data }] of torch.gradients) {
      const before = torch.state.get(parameter)!.data;
      const error = Math.max(...data.map((g, i) => Math.abs(before[i]! - after.get(parameter)!.data[i]! - g)));
      // The difference of two float32 of size 1 errs by 1e-7, as do the gradients themselves.
      expect(error / scale, parameter).toBeLessThan(1e-5);
    }
  });
});

describe("TfjsTrainableNetwork", () => {
  const torch = torchReference("plain");
  const loss = crossEntropy(torch.labels);
  const step: SgdStep = { ...torch.sgd, nesterov: false };

  it("learns from a penalty on the fused kernel of a block, which reaches every parameter of its branches", async () => {
    const network = create(torch);
    const name = "stage2.1"; // with an identity branch
    const penalty: Loss = () => mul<Scalar>(sum(square(equivalentKernelBias(network.block(name)).kernel)), 1);
    const before = memory().numTensors;
    const first = await network.trainStep(torch.images, penalty, { ...step, momentum: 0, weightDecay: 0 });
    const second = await network.trainStep(torch.images, penalty, { ...step, momentum: 0, weightDecay: 0 });
    expect(second.loss).toBeLessThan(0.9 * first.loss);
    expect(memory().numTensors).toBe(before);
    const after = await network.exportState();
    const changed = [...torch.gradients.keys()].filter(
      (entry) => relativeError(after.get(entry)!.data, torch.state.get(entry)!.data) > 0,
    );
    const ofBlock = (entry: string) =>
      entry.startsWith(`${name}.`) && /conv\.weight|bn\.weight|identity\.weight/.test(entry);
    expect(changed.sort()).toEqual([...torch.gradients.keys()].filter(ofBlock).sort());
    expect(() => network.block("stage2.9")).toThrow(/Did you mean stage2\./);
    network.dispose();
  });

  it("decays the weights that the layout names, and no others", async () => {
    const heavy: SgdStep = { learningRate: 0.05, momentum: 0.9, weightDecay: 0.5, nesterov: true };
    const network = create(torch);
    let reference: State64 = torch.state;
    const velocity = new Map<string, Float64Array>();
    for (let i = 0; i < 2; i++) {
      await network.trainStep(torch.images, loss, heavy);
      const forward = forward64(torch.plan, reference, torch.images, { mode: "train" });
      const gradients = backward64(forward, crossEntropy64(forward.logits, torch.labels).gradient);
      reference = sgd64(torch.plan, reference, gradients, velocity, forward.runningStatistics, heavy);
    }
    const trained = await network.exportState();
    for (const [name, { data }] of reference) {
      // Two steps in float32; a decay on the wrong entry, or none, would be 0.05 · 0.5 · w.
      expect(relativeError(trained.get(name)!.data, data), name).toBeLessThan(1e-4);
    }
    network.dispose();
  });

  it("continues bit for bit from its exported state and optimiser state", async () => {
    const first = create(torch);
    await first.trainStep(torch.images, loss, step);
    const [state, optimizer] = [await first.exportState(), await first.exportOptimizerState()];
    const second = createTfjsNetwork({ spec: torch.plan.spec, form: "train", state });
    await second.importOptimizerState(optimizer);
    await first.trainStep(torch.images, loss, step);
    await second.trainStep(torch.images, loss, step);
    expect(await second.exportState()).toEqual(await first.exportState());
    first.dispose();
    second.dispose();
  });

  it("has momentum buffers after the first step with momentum only, one a parameter", async () => {
    const network = create(torch);
    expect(await network.exportOptimizerState()).toEqual(new Map());
    await network.trainStep(torch.images, loss, { ...step, momentum: 0 });
    expect(await network.exportOptimizerState()).toEqual(new Map());
    await network.trainStep(torch.images, loss, step);
    expect([...(await network.exportOptimizerState()).keys()].sort()).toEqual([...torch.gradients.keys()].sort());
    network.dispose();
  });

  it("refuses a foreign optimiser state and keeps its own", async () => {
    const network = create(torch);
    await network.trainStep(torch.images, loss, step);
    const before = await network.exportOptimizerState();
    const bias = { shape: [3], data: new Float32Array(3) };
    await expect(network.importOptimizerState(new Map([["linear.bias", bias]]))).rejects.toMatchObject({
      code: "E_STATE",
    });
    await expect(network.importOptimizerState(new Map([["other", bias]]))).rejects.toMatchObject({ code: "E_STATE" });
    expect(await network.exportOptimizerState()).toEqual(before);
    network.dispose();
  });

  it("reports a loss that is not finite and changes nothing", async () => {
    const network = create(torch);
    await network.trainStep(torch.images, loss, step);
    const [state, optimizer] = [await network.exportState(), await network.exportOptimizerState()];
    const result = await network.trainStep(torch.images, crossEntropy(torch.labels, NaN), step);
    expect(result.loss).toBeNaN();
    expect(await network.exportState()).toEqual(state);
    expect(await network.exportOptimizerState()).toEqual(optimizer);
    network.dispose();
  });

  it("leaks nothing, whether a step works, is not finite or fails", async () => {
    const before = memory().numTensors;
    const network = create(torch);
    await network.trainStep(torch.images, loss, step);
    const owned = memory().numTensors;
    await network.trainStep(torch.images, loss, step);
    await network.trainStep(torch.images, crossEntropy(torch.labels, Infinity), step);
    const vector: Loss = ({ logits }) => square(logits) as unknown as Scalar;
    await expect(network.trainStep(torch.images, vector, step)).rejects.toMatchObject({ code: "E_SHAPE" });
    const failing: Loss = () => {
      throw new RangeError("no targets");
    };
    await expect(network.trainStep(torch.images, failing, step)).rejects.toThrow("no targets");
    await network.importOptimizerState(await network.exportOptimizerState());
    expect(memory().numTensors).toBe(owned);
    network.dispose();
    network.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it("frees everything when it is disposed during a step", async () => {
    const before = memory().numTensors;
    const network = create(torch);
    const running = network.trainStep(torch.images, loss, step);
    network.dispose();
    await expect(running).rejects.toMatchObject({ code: "E_DISPOSED" });
    expect(memory().numTensors).toBe(before);
  });

  it("says so where the backend has no gradient of a convolution", async () => {
    const network = create(torch);
    const kernel = getKernel("Conv2DBackpropFilter", "cpu");
    unregisterKernel("Conv2DBackpropFilter", "cpu");
    try {
      await expect(network.trainStep(torch.images, loss, step)).rejects.toMatchObject({
        code: "E_UNSUPPORTED",
        message: expect.stringContaining('backend "cpu" has no gradient of a convolution'),
      });
    } finally {
      registerKernel(kernel);
    }
    network.dispose();
  });

  it("refuses a batch that leaves one value a channel", async () => {
    const network = create(torch);
    const one: Images = { shape: [1, 4, 4, 3], data: new Float32Array(48) };
    await expect(network.trainStep(one, crossEntropy([0]), step)).rejects.toMatchObject({
      code: "E_SHAPE",
      message: expect.stringContaining("no variance"),
    });
    network.dispose();
  });
});
