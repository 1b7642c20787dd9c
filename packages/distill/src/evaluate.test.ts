import "@tensorflow/tfjs-backend-cpu";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { type EvaluationBatch, evaluate } from "./evaluate.ts";
import { cachedTeacher, networkTeacher, teacherLogits } from "./teachers.ts";
import { CLASSES, corners, orderedLoader, tinyNetwork, trainingLoader } from "./test-training.ts";

beforeAll(async () => {
  await setBackend("cpu");
});

describe("evaluate", () => {
  it("counts each image once, the smaller last batch too", async () => {
    const network = tinyNetwork();
    const batches: EvaluationBatch[] = [];
    const onBatch = (report: EvaluationBatch) => void batches.push(report);
    const { logits, ...evaluation } = await evaluate(network, orderedLoader(20, 8), { keepLogits: true, onBatch });
    expect(evaluation.images).toBe(20);
    expect(batches.map(({ batch, images }) => [batch, images])).toEqual([
      [1, 8],
      [2, 8],
      [3, 4],
    ]);

    // The same from the logits, by another way: exponentials without a shift, which logits this small allow.
    const rows = Array.from({ length: 20 }, (_, n) => [...logits!.data.subarray(3 * n, 3 * n + 3)]);
    const labels = rows.map((_, n) => corners(20).label(n));
    const probability = rows.map((row, n) => Math.exp(row[labels[n]!]!) / row.reduce((sum, z) => sum + Math.exp(z), 0));
    expect(evaluation.loss).toBeCloseTo(probability.reduce((sum, p) => sum - Math.log(p), 0) / 20, 12);
    const right = rows.filter((row, n) => row.indexOf(Math.max(...row)) === labels[n]).length;
    expect(evaluation.top1).toBe(right / 20);
    expect(evaluation.top5).toBe(1); // of 3 classes
    expect(evaluation.confusion.accuracy).toBe(right / 20);
    expect(evaluation.confusion.classes).toEqual(CLASSES);
    const sumOf = (key: "loss" | "top1") => batches.reduce((sum, batch) => sum + batch[key] * batch.images, 0);
    expect(sumOf("loss") / 20).toBeCloseTo(evaluation.loss, 12);
    expect(sumOf("top1") / 20).toBeCloseTo(evaluation.top1, 12);
  });

  it("gives the same in any batch size", async () => {
    const network = tinyNetwork();
    const [one, other] = [
      await evaluate(network, orderedLoader(20, 20)),
      await evaluate(network, orderedLoader(20, 3)),
    ];
    expect(other.loss).toBeCloseTo(one.loss, 6); // float32 logits
    expect(other.confusion.counts).toEqual(one.confusion.counts);
  });

  it("stops after the running batch", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const onBatch = ({ batch }: EvaluationBatch) => {
      seen.push(batch);
      controller.abort();
    };
    const evaluation = evaluate(tinyNetwork(), orderedLoader(), { signal: controller.signal, onBatch });
    await expect(evaluation).rejects.toMatchObject({ code: "E_ABORTED" });
    expect(seen).toEqual([1]);
  });
});

describe("teachers", () => {
  it("computed once and asked anew answer the same, in any order", async () => {
    const network = tinyNetwork();
    const cached = cachedTeacher(await teacherLogits(network, orderedLoader(48, 7)));
    const asked = networkTeacher(network);
    for await (const batch of trainingLoader(48).batches(1)) {
      const [a, b] = [await cached(batch), await asked(batch)];
      expect(a.shape).toEqual(b.shape);
      a.data.forEach((z, i) => {
        expect(z).toBeCloseTo(b.data[i]!, 5); // float32; the batches differ
      });
    }
  });

  it("must have seen every image", async () => {
    await expect(teacherLogits(tinyNetwork(), orderedLoader(20, 8, true))).rejects.toMatchObject({
      code: "E_DATA",
      message: expect.stringContaining("The teacher did not see image 16"),
    });
    const cached = cachedTeacher(await teacherLogits(tinyNetwork(), orderedLoader(16)));
    const [batch] = [{ images: { shape: [1, 1, 1, 1], data: new Float32Array(1) }, labels: Int32Array.of(0) } as const];
    expect(() => cached({ ...batch, indices: Int32Array.of(16) })).toThrow(
      expect.objectContaining({
        code: "E_DATA",
        message: expect.stringContaining("of 16 images, but the batch has image 16"),
      }),
    );
  });

  it("report their progress and can be stopped", async () => {
    const controller = new AbortController();
    const done: number[] = [];
    const onBatch = (count: number, total: number) => {
      done.push(count, total);
      if (count === 16) controller.abort();
    };
    const logits = teacherLogits(tinyNetwork(), orderedLoader(20), { onBatch, signal: controller.signal });
    await expect(logits).rejects.toMatchObject({ code: "E_ABORTED" });
    expect(done).toEqual([8, 20, 16, 20]);
  });
});
