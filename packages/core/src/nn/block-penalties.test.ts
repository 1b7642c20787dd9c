import { readFileSync } from "node:fs";
import { relativeError } from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // registers the gradients
import {
  add,
  dispose,
  grads,
  memory,
  mul,
  type Scalar,
  setBackend,
  sum,
  type Tensor,
  tensor,
  tidy,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { BlockTensors } from "./block-tensors.ts";
import { customL2 } from "./custom-l2.ts";
import { equivalentKernelBias } from "./equivalent-kernel-bias.ts";

interface Stored {
  readonly shape: number[];
  readonly data: number[];
}
type Branches<T> = Record<string, Record<string, T>>;
interface Case {
  readonly block: Branches<Stored>;
  readonly customL2: { readonly value: number; readonly gradients: Branches<Stored | null> };
  readonly equivalent: {
    readonly kernel: Stored;
    readonly bias: Stored;
    readonly kernelWeights: Stored;
    readonly biasWeights: Stored;
    readonly gradients: Branches<Stored | null>;
  };
}

/** Made by fixtures/make_torch_blocks.py. */
const CASES: Record<string, Case> = JSON.parse(
  readFileSync(new URL("fixtures/torch-blocks.json", import.meta.url), "utf8"),
);
/** Float32 against float64. */
const TOLERANCE = 1e-6;

beforeAll(async () => {
  await setBackend("cpu");
});

const made = ({ shape, data }: Stored) => tensor(data, shape);
const blockOf = ({ block }: Case) =>
  Object.fromEntries(
    Object.entries(block).map(([branch, tensors]) => [
      branch,
      Object.fromEntries(Object.entries(tensors).map(([name, stored]) => [name, made(stored)])),
    ]),
  ) as unknown as BlockTensors;

/** Compares the gradients of `f` at the given branches' tensors. */
function expectGradients(block: BlockTensors, f: (block: BlockTensors) => Scalar, expected: Branches<Stored | null>) {
  const places = Object.entries(expected).flatMap(([branch, names]) =>
    Object.entries(names).flatMap(([name, gradient]) => (gradient ? [{ branch, name, gradient }] : [])),
  );
  const at = (of: BlockTensors, branch: string) =>
    of[branch as keyof BlockTensors] as unknown as Record<string, Tensor>;
  const found = grads((...tensors: Tensor[]) => {
    const copy = structuredBlock(block);
    places.forEach(({ branch, name }, i) => {
      at(copy, branch)[name] = tensors[i]!;
    });
    return f(copy);
  })(places.map(({ branch, name }) => at(block, branch)[name]!));
  places.forEach(({ branch, name, gradient }, i) => {
    expect(relativeError(found[i]!.dataSync(), gradient.data), `${branch}.${name}`).toBeLessThan(TOLERANCE);
  });
}

const structuredBlock = (block: BlockTensors) =>
  Object.fromEntries(
    Object.entries(block).map(([branch, tensors]) => [branch, { ...tensors }]),
  ) as unknown as BlockTensors;

describe.each(Object.entries(CASES))("a block against PyTorch's autograd, %s", (_, torch) => {
  it("has the authors' custom L2 penalty, with the factors held constant", () =>
    void tidy(() => {
      const block = blockOf(torch);
      expect(Math.abs(customL2(block).dataSync()[0]! / torch.customL2.value - 1)).toBeLessThan(TOLERANCE);
      expectGradients(block, customL2, torch.customL2.gradients);
    }));

  it("has the equivalent kernel and bias, differentiable in every parameter", () =>
    void tidy(() => {
      const block = blockOf(torch);
      const { kernel, bias, kernelWeights, biasWeights, gradients } = torch.equivalent;
      const found = equivalentKernelBias(block);
      expect(found.kernel.shape).toEqual(kernel.shape);
      expect(relativeError(found.kernel.dataSync(), kernel.data)).toBeLessThan(TOLERANCE);
      expect(relativeError(found.bias.dataSync(), bias.data)).toBeLessThan(TOLERANCE);
      const [c, d] = [made(kernelWeights), made(biasWeights)];
      const weighted = (of: BlockTensors) => {
        const { kernel, bias } = equivalentKernelBias(of);
        return add<Scalar>(sum(mul(c, kernel)), sum(mul(d, bias)));
      };
      expectGradients(block, weighted, gradients);
    }));
});

describe("customL2", () => {
  const torch = CASES["groups and identity"]!;

  it("is finite, with its gradient, for a channel that both normalizations have switched off", () =>
    void tidy(() => {
      const { dense, pointwise } = blockOf(torch);
      const off = {
        dense: { ...dense, gamma: zerosLike(dense.gamma) },
        pointwise: { ...pointwise, gamma: zerosLike(pointwise.gamma) },
      };
      const [value, gradient] = [
        customL2(off),
        grads((kernel: Tensor) => customL2({ ...off, dense: { ...off.dense, kernel: kernel as never } }))([
          dense.kernel,
        ])[0]!,
      ];
      expect(value.dataSync()[0]).toBeGreaterThan(0); // the circle remains
      expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
    }));

  it("leaks nothing", () => {
    const block = blockOf(torch);
    const before = memory().numTensors;
    const { kernel, bias } = equivalentKernelBias(block);
    dispose([customL2(block), kernel, bias]);
    expect(memory().numTensors).toBe(before);
    dispose(Object.values(block).flatMap((tensors) => Object.values(tensors)));
  });
});
