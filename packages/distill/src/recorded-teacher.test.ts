import "@tensorflow/tfjs-backend-cpu";
import { initialState, ndArray, type StateDict } from "@repvgg/core";
import { BatchLoader, compose, normalize, shift } from "@repvgg/data";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { imageOfRow, isWholeRow } from "./answer-rows.ts";
import { kdObjective } from "./objectives.ts";
import { type AnswerStore, type RecordedTeacherOptions, recordedTeacher } from "./recorded-teacher.ts";
import type { Teacher } from "./teacher.ts";
import { networkTeacher } from "./teachers.ts";
import { corners, TINY, tinyNetwork } from "./test-training.ts";
import { Trainer } from "./trainer.ts";

beforeAll(async () => {
  await setBackend("cpu");
});

/** Answers in memory; what is damaged is not there. */
function memoryStore() {
  const rows = new Map<string, Uint8Array>();
  const store: AnswerStore = {
    async read(epoch, images) {
      const found = Array.from(images, (image) => rows.get(`${epoch}/${image}`));
      return found.map((row) => (row && isWholeRow(row) ? row : undefined));
    },
    async append(epoch, added) {
      for (const row of added) rows.set(`${epoch}/${imageOfRow(row)}`, row);
    },
  };
  return { rows, store };
}

const unwilling: Teacher = () => {
  throw new Error("The teacher was run.");
};
const FORMAT = { numClasses: 3, topK: undefined };
const pixels = normalize({ mean: [0.3], std: [0.3] });
const loader = (transform = pixels) =>
  new BatchLoader({ dataset: corners(26), batchSize: 8, shuffle: true, seed: 2, dropLast: true, transform });
const shifting = () => loader(compose(shift({ maxPixels: 1 }), pixels));

async function train(teacher: Teacher, data = shifting(), epochs = 2): Promise<StateDict> {
  const network = tinyNetwork();
  try {
    await new Trainer({ network, data, epochs, objective: kdObjective({ teacher }) }).run();
    return await network.exportState();
  } finally {
    network.dispose();
  }
}

async function withTeacher<T>(work: (teacher: Teacher) => Promise<T>): Promise<T> {
  const network = tinyNetwork(initialState(TINY, 8));
  try {
    return await work(({ images }) => network.predict(images));
  } finally {
    network.dispose();
  }
}

describe("recordedTeacher", () => {
  it.each<[string, Pick<RecordedTeacherOptions, "changing" | "topK">, () => BatchLoader]>([
    ["augmented images", { changing: true }, shifting],
    ["images that stay the same", { changing: false }, loader],
    ["the largest logit alone", { changing: true, topK: 1 }, shifting],
  ])("teaches again without the teacher, bit for bit, of %s", async (_, options, data) => {
    const { store } = memoryStore();
    const first = await withTeacher((teacher) =>
      train(recordedTeacher({ ...FORMAT, ...options, store, teacher }), data()),
    );
    const second = await train(recordedTeacher({ ...FORMAT, ...options, store, teacher: unwilling }), data());
    expect(second).toEqual(first);
    // The rounding is there, and small.
    const exact = await withTeacher((teacher) => train(teacher, data()));
    expect(exact).not.toEqual(first);
  });

  it("asks again for what is damaged, missing or of a later epoch, and for nothing else", async () => {
    const { store, rows } = memoryStore();
    const whole = await withTeacher((teacher) =>
      train(recordedTeacher({ ...FORMAT, changing: true, store, teacher }), shifting(), 3),
    );
    const keys = [...rows.keys()];
    expect(keys).toHaveLength(3 * 24);
    rows.get(keys[3]!)![17]! ^= 1;
    rows.delete(keys[30]!);
    for (const key of keys) if (key.startsWith("2/")) rows.delete(key);
    let [asked, kept] = [0, 0];
    const again = await withTeacher((teacher) => {
      const onBatch = (counts: { kept: number; asked: number }) => {
        asked += counts.asked;
        kept += counts.kept;
      };
      return train(recordedTeacher({ ...FORMAT, changing: true, store, teacher, onBatch }), shifting(), 3);
    });
    expect([asked, kept]).toEqual([2 + 24, 2 * 24 - 2]);
    expect(again).toEqual(whole);
  });

  it("refuses answers that are of other pixels", async () => {
    const { store } = memoryStore();
    await withTeacher((teacher) => train(recordedTeacher({ ...FORMAT, changing: true, store, teacher })));
    const teacher = recordedTeacher({ ...FORMAT, changing: true, store, teacher: unwilling });
    await expect(train(teacher, loader())).rejects.toThrow(/of image \d+ in epoch 1 is of other pixels/);
  });

  it("shows no features, and refuses answers of other classes", async () => {
    const { store } = memoryStore();
    const network = tinyNetwork();
    const teacher = recordedTeacher({ numClasses: 4, changing: false, store, teacher: networkTeacher(network) });
    expect(teacher.features).toBeUndefined();
    const batch = {
      images: ndArray([1, 6, 6, 1], new Float32Array(36)),
      labels: new Int32Array(1),
      indices: new Int32Array(1),
    };
    await expect(
      (async () => teacher(batch, { epoch: 0, step: 0, totalSteps: 1, stepsPerEpoch: 1 }))(),
    ).rejects.toThrow("The teacher's logits must have shape [1, 4], got [1, 3]");
    network.dispose();
  });
});
