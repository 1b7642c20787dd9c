import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // the gradients: in Node, tfjs-core alone has none
import { seededRandom } from "@repvgg/core";
import {
  memory,
  type Scalar,
  setBackend,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor2d,
  tensor4d,
  valueAndGrad,
} from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionLoss } from "./attention-loss.ts";
import { distLoss } from "./dist-loss.ts";
import { dkdLoss } from "./dkd-loss.ts";
import { hardTargetLoss } from "./hard-target-loss.ts";
import { hintLoss } from "./hint-loss.ts";
import { oneHot } from "./one-hot.ts";
import { softTargetLoss } from "./soft-target-loss.ts";
import { difference, distillationLossFixture } from "./test-fixture.ts";

const fixture = distillationLossFixture();
const logits = (values: number[]) => tensor2d(values, fixture.shape);
const labels = () => oneHot(fixture.labels, fixture.shape[1]);
const usual = fixture.inputs.usual;

/** Of the largest value. Where logits are up to 1000, a rounding of 6e-8 of them is 6e-5 of a nat. */
const TOLERANCE = 1e-4;
/** Faint logits over a T of 20: probabilities differ by 1e-4, and correlations of these differences are known to 6e-8 of that. */
const CORRELATION_TOLERANCE = 6e-4;

beforeAll(async () => {
  await setBackend("cpu");
});

function expectAsPyTorch<T extends Tensor>(
  loss: (student: T) => Scalar,
  student: T,
  { value, gradient }: { value: number; gradient: readonly number[] },
  tolerance = TOLERANCE,
): void {
  const before = memory().numTensors;
  const result = valueAndGrad((z: Tensor) => loss(z as T))(student);
  const actual = { value: result.value.dataSync(), gradient: result.grad.dataSync() };
  result.value.dispose();
  result.grad.dispose();
  expect(memory().numTensors, "tensors left behind").toBe(before);
  expect(difference(actual.value, [value])).toBeLessThan(tolerance);
  expect(difference(actual.gradient, gradient)).toBeLessThan(tolerance);
}

describe("softTargetLoss", () => {
  it.each(fixture.soft)("is PyTorch's for $input logits at T = $temperature", ({ input, ...expected }) => {
    const { student, teacher } = fixture.inputs[input];
    const t = logits(teacher);
    expectAsPyTorch<Tensor2D>((s) => softTargetLoss(s, t, expected), logits(student), expected);
  });
});

describe("softTargetLoss of many classes", () => {
  it("is known to 2e-6 at T = 20, where T² magnifies what the logarithms are off by", () => {
    const [C, T, random] = [1000, 20, seededRandom(3)];
    const [s, t] = [0, 1].map(() => Float32Array.from({ length: C }, () => 6 * random() - 3));
    const logs = (z: Float32Array) => {
      const total = Math.log(z.reduce((sum, value) => sum + Math.exp(value / T), 0));
      return Array.from(z, (value) => value / T - total);
    };
    const [p, q] = [logs(t!), logs(s!)];
    const expected = T * T * p.reduce((sum, value, c) => sum + Math.exp(value) * (value - q[c]!), 0);
    const loss = softTargetLoss(tensor2d(s!, [1, C]), tensor2d(t!, [1, C]), { temperature: T });
    expect(Math.abs(loss.dataSync()[0]! - expected) / expected).toBeLessThan(2e-6);
  });
});

describe("hardTargetLoss", () => {
  it.each(fixture.hard)("is PyTorch's cross-entropy with the teacher's decisions, $input logits", (expected) => {
    const { student, teacher } = fixture.inputs[expected.input];
    const t = logits(teacher);
    expectAsPyTorch<Tensor2D>((s) => hardTargetLoss(s, t), logits(student), expected);
  });
});

describe("dkdLoss", () => {
  it.each(fixture.dkd)(
    "is the paper's for $input logits at T = $temperature, α = $dkdAlpha, β = $dkdBeta",
    (expected) => {
      const { student, teacher } = fixture.inputs[expected.input];
      const [t, y] = [logits(teacher), labels()];
      expectAsPyTorch<Tensor2D>((s) => dkdLoss(s, t, y, expected), logits(student), expected);
    },
  );

  it("adds up to Hinton's: KD = TCKD + (1 − p_t) · NCKD, for each image", () => {
    const C = fixture.shape[1];
    for (const [n, label] of fixture.labels.entries()) {
      const row = (values: number[]) => tensor2d(values.slice(n * C, (n + 1) * C), [1, C]);
      const [s, t, y] = [row(usual.student), row(usual.teacher), oneHot([label], C)];
      const part = (dkdAlpha: number, dkdBeta: number) =>
        dkdLoss(s, t, y, { temperature: 2, dkdAlpha, dkdBeta }).dataSync()[0]!;
      const p = usual.teacher.slice(n * C, (n + 1) * C).map((z) => Math.exp(z / 2));
      const rest = 1 - p[label]! / p.reduce((a, b) => a + b);
      const kd = softTargetLoss(s, t, { temperature: 2 }).dataSync()[0]!;
      expect(part(1, 0) + rest * part(0, 1)).toBeCloseTo(kd, 4);
    }
  });
});

describe("distLoss", () => {
  it.each(fixture.dist)(
    "is the paper's for $input logits at T = $temperature, β = $distBeta, γ = $distGamma",
    (expected) => {
      const { student, teacher } = fixture.inputs[expected.input];
      const t = logits(teacher);
      expectAsPyTorch<Tensor2D>((s) => distLoss(s, t, expected), logits(student), expected, CORRELATION_TOLERANCE);
    },
  );

  it("has a finite gradient where a class's probabilities do not differ", () => {
    const same = tensor2d([1, 2, 3, 1, 2, 3], [2, 3]);
    const { grad } = valueAndGrad((z: Tensor) => distLoss(z as Tensor2D, same))(tensor2d([0, 0, 0, 0, 0, 0], [2, 3]));
    expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
  });
});

describe("losses of features", () => {
  const { shapes, hint, attention, ...features } = fixture.features;
  const student = () => tensor4d(features.student, shapes[0]);

  it("hintLoss is PyTorch's mse_loss", () => {
    const same = tensor4d(features.same, shapes[2]);
    expectAsPyTorch<Tensor4D>((s) => hintLoss(s, same), student(), hint);
  });

  it("attentionLoss is the authors', for other numbers of channels", () => {
    const teacher = tensor4d(features.teacher, shapes[1]);
    expectAsPyTorch<Tensor4D>((s) => attentionLoss(s, teacher), student(), attention);
  });

  it("attentionLoss has a finite gradient where a student's features are 0", () => {
    const teacher = tensor4d(features.teacher, shapes[1]);
    const dead = tensor4d(new Float32Array(features.student.length), shapes[0]);
    const { grad } = valueAndGrad((z: Tensor) => attentionLoss(z as Tensor4D, teacher))(dead);
    expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
  });

  it("refuse features of another shape", () => {
    const teacher = tensor4d(features.teacher, shapes[1]);
    expect(() => hintLoss(student(), teacher)).toThrow(expect.objectContaining({ code: "E_SHAPE" }));
    const turned = tensor4d(features.teacher, [shapes[1][0], shapes[1][2], shapes[1][1], shapes[1][3]]);
    expect(() => attentionLoss(student(), turned)).toThrow(expect.objectContaining({ code: "E_SHAPE" }));
  });
});

describe("options out of range", () => {
  const call = (loss: (s: Tensor2D, t: Tensor2D, y: Tensor2D) => Scalar) => () =>
    loss(logits(usual.student), logits(usual.teacher), labels());

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses the temperature %s", (temperature) => {
    const message = expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining("temperature") });
    expect(call((s, t) => softTargetLoss(s, t, { temperature }))).toThrow(message);
    expect(call((s, t, y) => dkdLoss(s, t, y, { temperature }))).toThrow(message);
    expect(call((s, t) => distLoss(s, t, { temperature }))).toThrow(message);
  });

  it.each([-1, Number.NaN])("refuses the weight %s", (weight) => {
    expect(call((s, t, y) => dkdLoss(s, t, y, { dkdBeta: weight }))).toThrow(/dkdBeta must be 0 or a positive number/);
    expect(call((s, t) => distLoss(s, t, { distGamma: weight }))).toThrow(/distGamma must be 0 or a positive number/);
  });

  it("refuse a teacher with other classes", () => {
    const other = () => tensor2d(usual.teacher.slice(0, 10), [5, 2]);
    const message = expect.objectContaining({ code: "E_SHAPE" });
    expect(call((s) => softTargetLoss(s, other()))).toThrow(message);
    expect(call((s) => hardTargetLoss(s, other()))).toThrow(message);
    expect(call((s, _, y) => dkdLoss(s, other(), y))).toThrow(message);
    expect(call((s) => distLoss(s, other()))).toThrow(message);
    expect(call((s, t) => dkdLoss(s, t, other()))).toThrow(message);
  });
});
