import "@tensorflow/tfjs-backend-cpu";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setBackend } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchesOf, type GivenBatch } from "./batches-of.ts";
import { tinyNetwork, trainingLoader } from "./test-training.ts";
import { Trainer } from "./trainer.ts";
import type { TrainerState } from "./trainer-types.ts";

beforeAll(async () => {
  await setBackend("cpu");
});

const EPOCHS = 3;
const loader = trainingLoader();
const { batchesPerEpoch } = loader;

async function* ofEpoch(epoch: number): AsyncGenerator<GivenBatch> {
  for await (const { images, labels } of loader.batches(epoch)) yield { images, labels };
}
async function* ofAll(): AsyncGenerator<GivenBatch> {
  for (let epoch = 0; epoch < EPOCHS; epoch++) yield* ofEpoch(epoch);
}
const weightsAfter = async (data: ReturnType<typeof batchesOf>, more: object = {}) => {
  const trainer = new Trainer({ network: tinyNetwork(), data, epochs: EPOCHS, ...more });
  await trainer.run();
  return (await trainer.state()).network;
};

describe("batchesOf", () => {
  it("trains on a generator function and on a generator as on the loader that they ask", async () => {
    const expected = await weightsAfter(loader);
    expect(await weightsAfter(batchesOf(ofEpoch, { batchesPerEpoch }))).toEqual(expected);
    expect(await weightsAfter(batchesOf(ofAll(), { batchesPerEpoch }))).toEqual(expected);
  });

  it("takes a list again in each epoch", async () => {
    const list = await collect(ofEpoch(0));
    const seen: unknown[] = [];
    const data = batchesOf(list);
    expect(data.batchesPerEpoch).toBe(batchesPerEpoch);
    for (let epoch = 0; epoch < 2; epoch++) for await (const { images } of data.batches(epoch)) seen.push(images);
    expect(seen).toEqual([...list, ...list].map(({ images }) => images));
  });

  it.each([
    ["a function", () => batchesOf(ofEpoch, { batchesPerEpoch })],
    ["a generator", () => batchesOf(ofAll(), { batchesPerEpoch })],
  ])("resumes in the middle of an epoch from %s", async (_, make) => {
    const expected = await weightsAfter(make());
    const saved: TrainerState[] = [];
    await weightsAfter(make(), {
      saveEverySteps: batchesPerEpoch + 2,
      save: (state: TrainerState) => void saved.push(state),
    });
    const { network, ...resume } = saved.find(({ progress }) => progress.epoch === 1 && progress.batch === 2)!;
    const trainer = new Trainer({ network: tinyNetwork(network), data: make(), epochs: EPOCHS, resume });
    await trainer.run();
    expect((await trainer.state()).network).toEqual(expected);
  });

  it("says what is missing", async () => {
    expect(() => batchesOf(ofEpoch)).toThrow("batchesPerEpoch must be a whole number, 1 or more, got undefined");
    const short = new Trainer({ network: tinyNetwork(), data: batchesOf(ofEpoch, { batchesPerEpoch: 99 }), epochs: 1 });
    await expect(short.run()).rejects.toThrow(`announced 99 batches and gave ${batchesPerEpoch}`);
    const once = batchesOf(ofAll(), { batchesPerEpoch });
    for await (const _ of once.batches(0));
    await expect(collect(once.batches(0))).rejects.toThrow("a generator gives each batch once");
  });
});

async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of iterable) list.push(item);
  return list;
}

describe("the README's first example", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, code, output] = /```js\n(.*?)```\n\n```text\n(.*?)```/s.exec(readme)!;
  const file = fileURLToPath(new URL(`../.readme-example-${process.pid}.mjs`, import.meta.url)); // where its imports are found
  beforeAll(() => writeFileSync(file, code!));
  afterAll(() => rmSync(file));
  const node = (...args: string[]) => spawnSync(process.execPath, args, { encoding: "utf8" });

  it("runs as it stands, and prints what it says", () => {
    const { stdout, stderr } = node(file);
    expect([stderr, stdout]).toEqual(["", expect.any(String)]);
    const numbers = (text: string) => (text.match(/\d+\.\d+/g) ?? []).map(Number);
    const printed = output!.replaceAll(/\d+\.\d+/g, "N");
    expect(stdout.replaceAll(/\d+\.\d+/g, "N")).toBe(printed);
    // The kernels of other machines round otherwise, and three epochs make it visible.
    numbers(output!).forEach((loss, i) => {
      expect(Math.abs(numbers(stdout)[i]! - loss)).toBeLessThan(0.02);
    });
  });

  it("has the types that it needs, but for those of its own parameters", () => {
    const tsc = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));
    const checks = ["--allowJs", "--checkJs", "--noEmit", "--strict", "--noImplicitAny", "false", "--skipLibCheck"];
    const { status, stdout } = node(tsc, ...checks, "--module", "nodenext", "--target", "es2022", file);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  });
});
