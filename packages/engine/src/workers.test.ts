import { spawnSync } from "node:child_process";
import { findVariant, initialState } from "@repvgg/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createInferenceNetwork } from "./inference.ts";
import { startThreads, type WorkerPool, withWorkers } from "./workers.ts";

/** The logits of a network with so many threads. */
async function runOn(threads: number) {
  const { spec, imageSize } = findVariant("mnist-student");
  const state = initialState(spec, 1, "deploy");
  const network = await createInferenceNetwork({
    spec,
    state,
    form: "deploy",
    imageSize: [imageSize, imageSize],
    threads,
  });
  const { data } = await network.predict({
    shape: [1, imageSize, imageSize, spec.inputChannels],
    data: new Float32Array(imageSize * imageSize * spec.inputChannels).fill(0.5),
  });
  network.dispose();
  return data;
}

const PROGRAM = `
  import { findVariant, initialState } from "@repvgg/core";
  import { createInferenceNetwork } from "@repvgg/engine/inference";
  const { spec } = findVariant("mnist-student");
  const state = initialState(spec, 1, "deploy");
  const network = await createInferenceNetwork({ spec, state, form: "deploy", imageSize: [28, 28], threads: 2 });
  const images = { shape: [1, 28, 28, spec.inputChannels], data: new Float32Array(28 * 28 * spec.inputChannels) };
  console.log((await network.predict(images)).shape.join());
`;

/** Older Nodes cannot run the sources without a tool. */
const runsSources = "typescript" in process.features && process.features.typescript !== false;

describe("the engine's threads", () => {
  it("end when what they were started for fails", async () => {
    let pool: WorkerPool | undefined;
    const failing = withWorkers(2, async (workers) => {
      pool = workers;
      throw new Error("no memory");
    });
    await expect(failing).rejects.toThrow("no memory");
    expect(pool?.count).toBe(2);
  });

  describe("that were started ahead", () => {
    const module = process.getBuiltinModule("node:worker_threads");
    const { Worker } = module;
    let made = 0;
    beforeEach(() => {
      made = 0;
      module.Worker = class extends Worker {
        constructor(...args: ConstructorParameters<typeof Worker>) {
          super(...args);
          made++;
        }
      };
    });
    afterEach(() => {
      module.Worker = Worker;
    });

    it("are those of the next network, and no other's", async () => {
      const started = startThreads(3);
      const [first, second] = [await runOn(3), await runOn(3)];
      expect(made).toBe(4);
      started[Symbol.dispose]();
      expect(first).toEqual(second);
    });

    it("are not those of a network with another number", async () => {
      const started = startThreads(3);
      await runOn(2);
      started[Symbol.dispose]();
      expect(made).toBe(3);
    });

    it("end when nobody takes them", async () => {
      startThreads(2)[Symbol.dispose]();
      await runOn(2);
      expect(made).toBe(2);
    });
  });

  if (runsSources) {
    it("start in a program that the command line gives", () => {
      const args = ["--conditions=@repvgg/source", "--input-type=module", "-e", PROGRAM];
      const cwd = new URL("../../backend", import.meta.url); // which has both packages
      const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
      expect(stdout, stderr).toBe("1,10\n");
    });

    it("that were started for no network let the process end", () => {
      const program = 'import { startThreads } from "@repvgg/engine"; startThreads(2); console.log("ends");';
      const args = ["--conditions=@repvgg/source", "--input-type=module", "-e", program];
      const cwd = new URL("../../backend", import.meta.url);
      const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd, encoding: "utf8", timeout: 20_000 });
      expect([stdout, stderr, status]).toEqual(["ends\n", "", 0]);
    });
  }
});
