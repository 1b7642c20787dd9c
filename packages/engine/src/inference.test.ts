import {
  defineSpec,
  type Form,
  findVariant,
  fuseState,
  initialState,
  layerPlan,
  type Network,
  predict64,
} from "@repvgg/core";
import { forward64, randomImages, randomState, relativeError } from "@repvgg/tooling";
import { afterEach, describe, expect, it } from "vitest";
import { compileInference } from "./compile.ts";
import { createInferenceNetwork } from "./inference.ts";
import { TEST_NETWORKS, testNetwork } from "./test-networks.ts";

const networks: Network[] = [];
afterEach(() => {
  for (const network of networks.splice(0)) network.dispose();
});

describe.each(Object.entries(TEST_NETWORKS))("inference, %s", (_, testCase) => {
  const { spec, imageSize, batch, plan, state, images } = testNetwork(testCase);
  const reference = forward64(plan, state, images, { mode: "inference" });
  const create = async (form: Form, batchSize: number, threads: number, exact = false) => {
    const formState = form === "train" ? state : fuseState(spec, state);
    const options = { spec, state: formState, form, imageSize, batchSize, threads, exact };
    const network = await createInferenceNetwork(options);
    networks.push(network);
    return network;
  };

  it.each(["train", "deploy"] as const)("answers in %s form as float64 does, in any batch", async (form) => {
    for (const batchSize of [1, 2, batch]) {
      const network = await create(form, batchSize, 1);
      const logits = await network.predict(images);
      expect(logits.shape).toEqual([batch, spec.numClasses]);
      // Float32, five layers, Winograd's transforms: a few 1e-6 of the largest logit.
      expect(relativeError(logits.data, reference.logits)).toBeLessThan(2e-5);
    }
  });

  it.each(["train", "deploy"] as const)("answers in %s form without Winograd, if it is to be exact", async (form) => {
    const network = await create(form, batch, 2, true);
    // Sums of at most a few thousand products, in float32, five layers.
    expect(relativeError((await network.predict(images)).data, reference.logits)).toBeLessThan(2e-6);
    const { result } = compileInference(plan, form, batch, 1, true);
    for (const { program } of Object.values(result.programs)) expect(program.toString()).not.toContain("winograd");
  });

  it.each(["train", "deploy"] as const)("gives the outputs of the stages in %s form", async (form) => {
    const network = await create(form, 2, 1);
    const features = await network.features(images);
    expect(features.length).toBe(4);
    features.forEach(({ shape, data }, i) => {
      const last = plan.blocks.findLast(({ stage }) => stage === i + 1)!;
      const expected = reference.blocks[last.index]!.y;
      expect(shape).toEqual(expected.shape);
      expect(relativeError(data, expected.data)).toBeLessThan(2e-5); // as the logits
    });
  });

  it.each(["train", "deploy"] as const)("gives the same bits on any number of threads in %s form", async (form) => {
    const [one, two, three] = await Promise.all([1, 2, 3].map((threads) => create(form, batch, threads)));
    const expected = await one!.predict(images);
    expect(await two!.predict(images)).toEqual(expected);
    expect(await three!.predict(images)).toEqual(expected);
  });

  it("answers partly fused, and switches to deploy form in place", async () => {
    const names = plan.blocks.filter(({ index }) => index % 2 === 0).map(({ name }) => name);
    const some = fuseState(spec, state, names);
    const form = plan.blocks.map(({ index }): Form => (index % 2 === 0 ? "deploy" : "train"));
    const network = await createInferenceNetwork({ spec, state: some, form, imageSize, batchSize: 2 });
    networks.push(network);
    const expectSame = async () =>
      expect(relativeError((await network.predict(images)).data, reference.logits)).toBeLessThan(2e-5);
    await expectSame();
    expect(await network.exportState()).toEqual(some);
    await network.switchToDeploy([plan.blocks[3]!.name]);
    expect(network.form).toEqual(form.map((own, index) => (index === 3 ? "deploy" : own)));
    await expectSame();
    await network.switchToDeploy();
    expect(network.form).toBe("deploy");
    expect(await network.exportState()).toEqual(fuseState(spec, state));
    await expectSame();
  });

  it("gives back the state that it was made from", async () => {
    expect(await (await create("train", 1, 1)).exportState()).toEqual(state);
  });
});

describe("RepVGG-A0", () => {
  // Twenty-two layers, of them sixteen by Winograd: 1.4e-6 of the largest logit in the measurement of all variants.
  it.each(["train", "deploy"] as const)("answers in %s form as float64 does", async (form) => {
    const { spec } = findVariant("repvgg-a0");
    const plan = layerPlan(spec, [96, 96]);
    const state = randomState(plan, form, 1);
    const images = randomImages([1, 96, 96, 3], 2);
    const network = await createInferenceNetwork({ spec, state, form, imageSize: [96, 96] });
    networks.push(network);
    const { data } = await network.predict(images);
    expect(relativeError(data, predict64(plan, state, images).data)).toBeLessThan(2e-5);
  });
});

describe("the thread", () => {
  it("is free for others between two batches", async () => {
    const testCase = testNetwork(TEST_NETWORKS["one pixel left"]!);
    const network = await createInferenceNetwork({ ...testCase, form: "train" });
    networks.push(network);
    const images = randomImages([10, ...testCase.imageSize, 3], 3);
    let [turns, ended] = [0, false];
    const count = () => {
      turns++;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    const [all, two] = await Promise.all([network.predict(images), network.predict(randomImages([2, 5, 17, 3], 4))]);
    ended = true;
    expect(turns).toBeGreaterThanOrEqual(9);
    // Two calls at once do not disturb each other.
    expect(all).toEqual(await network.predict(images));
    expect(two).toEqual(await network.predict(randomImages([2, 5, 17, 3], 4)));

    const late = network.predict(images);
    network.dispose();
    await expect(late).rejects.toMatchObject({ code: "E_DISPOSED" });
  });
});

describe("memory", () => {
  it("of a large batch is that of several runs, which answer as one image at a time", async () => {
    const spec = defineSpec({
      numBlocks: [1, 1, 1, 1],
      widthMultiplier: [1 / 4, 1 / 16, 1 / 16, 1 / 32],
      numClasses: 3,
    });
    const state = initialState(spec, 1, "deploy");
    const images = randomImages([5, 640, 512, 3], 1); // two a run
    const create = (batchSize: number) =>
      createInferenceNetwork({ spec, state, form: "deploy", imageSize: [640, 512], batchSize });
    const [whole, single] = [await create(1000), await create(1)];
    expect(await whole.predict(images)).toEqual(await single.predict(images));
    for (const network of [whole, single]) network.dispose();
  });

  it("stays flat over 200 networks made and disposed", async () => {
    const spec = defineSpec({
      numBlocks: [1, 1, 1, 1],
      widthMultiplier: [1 / 4, 1 / 8, 1 / 16, 1 / 32],
      numClasses: 2,
    });
    const state = initialState(spec, 1);
    const images = randomImages([16, 96, 96, 3], 1);
    const options = { spec, state, form: "train", imageSize: [96, 96], batchSize: 16 } as const;
    let [first, most] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const network = await createInferenceNetwork(options);
      await network.predict(images); // touches all of it, tens of MB
      network.dispose();
      const { rss } = process.memoryUsage();
      if (i === 20) first = rss;
      most = Math.max(most, rss);
    }
    // Five networks more at a time than at first: garbage is collected in its own time.
    expect(most - first).toBeLessThan(300e6);
  });
});
