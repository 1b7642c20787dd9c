import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // the gradients: in Node, tfjs-core alone has none
import {
  memory,
  type Scalar,
  setBackend,
  type Tensor,
  type Tensor2D,
  tensor2d,
  valueAndGrad,
} from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { crossEntropy } from "./cross-entropy.ts";
import { kdLoss } from "./kd-loss.ts";
import { crossEntropyObjective, kdObjective } from "./objectives.ts";
import { oneHot } from "./one-hot.ts";
import { difference, lossFixture } from "./test-fixture.ts";

const fixture = lossFixture();
const logits = (values: number[]) => tensor2d(values, fixture.shape);
const labels = () => oneHot(fixture.labels, fixture.shape[1]);
const student = () => logits(fixture.student);
const teacher = () => logits(fixture.teacher);

/** Some float32 roundings of logits up to 10 and of their softmax. */
const TOLERANCE = 1e-6;

function valueAndGradient(loss: (z: Tensor2D) => Scalar): { value: number; gradient: Float32Array } {
  const { value, grad } = valueAndGrad((z: Tensor) => loss(z as Tensor2D))(student());
  return { value: value.dataSync()[0]!, gradient: grad.dataSync() as Float32Array };
}

function expectLeakFree(work: () => Tensor): void {
  const before = memory().numTensors;
  work().dispose();
  expect(memory().numTensors).toBe(before);
}

beforeAll(async () => {
  await setBackend("cpu");
});

describe("crossEntropy", () => {
  it.each(fixture.crossEntropy)("is PyTorch's with label smoothing $labelSmoothing", (expected) => {
    const { value, gradient } = valueAndGradient((z) => crossEntropy(z, labels(), expected));
    expect(difference([value], [expected.value])).toBeLessThan(TOLERANCE);
    expect(difference(gradient, expected.gradient)).toBeLessThan(TOLERANCE);
  });

  it("stays finite for logits whose exponentials overflow", () => {
    const loss = crossEntropy(tensor2d([[1e4, -1e4]]), tensor2d([[0, 1]]));
    expect(loss.dataSync()[0]).toBe(2e4);
  });

  it("leaves no tensor behind", () => {
    const [z, y] = [student(), labels()];
    expectLeakFree(() => crossEntropy(z, y, { labelSmoothing: 0.1 }));
  });

  it("refuses a share of the label outside [0, 1), and labels of other classes", () => {
    for (const labelSmoothing of [-0.1, 1, Number.NaN]) {
      expect(() => crossEntropy(student(), labels(), { labelSmoothing })).toThrow(
        expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining("labelSmoothing") }),
      );
    }
    expect(() => crossEntropy(student(), oneHot(fixture.labels, 8))).toThrow(
      expect.objectContaining({ code: "E_SHAPE", message: "labels must have shape [6,7], got [6, 8]." }),
    );
  });
});

describe("kdLoss", () => {
  it.each(fixture.kd)("is PyTorch's with T = $temperature and alpha = $alpha", (expected) => {
    const { value, gradient } = valueAndGradient((z) => kdLoss(z, teacher(), labels(), expected));
    expect(difference([value], [expected.value])).toBeLessThan(TOLERANCE);
    expect(difference(gradient, expected.gradient)).toBeLessThan(TOLERANCE);
  });

  it("has T = 4 and alpha = 0.9 unless told otherwise", () => {
    const expected = fixture.kd.find(({ temperature, alpha }) => temperature === 4 && alpha === 0.9)!;
    const { value } = valueAndGradient((z) => kdLoss(z, teacher(), labels()));
    expect(difference([value], [expected.value])).toBeLessThan(TOLERANCE);
  });

  it("is 0 for a student that answers as its teacher, without labels", () => {
    const loss = kdLoss(teacher(), teacher(), labels(), { alpha: 1 });
    expect(loss.dataSync()[0]).toBe(0);
  });

  it("leaves no tensor behind", () => {
    const [z, t, y] = [student(), teacher(), labels()];
    expectLeakFree(() => kdLoss(z, t, y));
  });

  it("refuses options out of range, and a teacher with other classes", () => {
    for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => kdLoss(student(), teacher(), labels(), { temperature })).toThrow(/temperature must be a positive/);
    }
    for (const alpha of [-0.1, 1.1, Number.NaN]) {
      expect(() => kdLoss(student(), teacher(), labels(), { alpha })).toThrow(/alpha must be in \[0, 1\]/);
    }
    expect(() => kdLoss(student(), tensor2d([[1, 2]]), labels())).toThrow(expect.objectContaining({ code: "E_SHAPE" }));
  });
});

describe("objectives", () => {
  const position = { epoch: 0, step: 0, totalSteps: 1, stepsPerEpoch: 1 };
  const [N, C] = fixture.shape;
  const images = { shape: [N, 1, 1, 1], data: new Float32Array(N) } as const;
  const batch = {
    images,
    labels: Int32Array.from(fixture.labels),
    indices: Int32Array.from({ length: N }, (_, i) => i),
  };

  it("give a batch's cross-entropy and Hinton's loss", async () => {
    const [plain] = fixture.crossEntropy;
    const ce = await crossEntropyObjective()(batch);
    const outputs = () => ({ logits: student(), auxiliary: [], features: [] });
    expect(difference(ce(outputs()).dataSync(), [plain!.value])).toBeLessThan(TOLERANCE);

    const [expected] = fixture.kd;
    const teacherOf = () => ({ shape: [N, C], data: Float32Array.from(fixture.teacher) }) as const;
    const kd = await kdObjective({ teacher: teacherOf, ...expected })(batch, position);
    expect(difference(kd(outputs()).dataSync(), [expected!.value])).toBeLessThan(TOLERANCE);
  });

  it("check their options before they see a batch", () => {
    expect(() => crossEntropyObjective({ labelSmoothing: 2 })).toThrow(/labelSmoothing/);
    expect(() => kdObjective({ teacher: () => ({ shape: [1, 1], data: new Float32Array(1) }), alpha: 3 })).toThrow(
      /alpha/,
    );
  });
});

describe("oneHot", () => {
  it("is 1 at each label", () => {
    expect(oneHot([2, 0], 3).arraySync()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });

  it.each([3, -1, 0.5])("refuses the label %s of 3 classes", (label) => {
    expect(() => oneHot([label], 3)).toThrow(
      expect.objectContaining({
        code: "E_DATA",
        message: expect.stringContaining(`Label ${label} is not one of 3 classes`),
      }),
    );
  });
});
