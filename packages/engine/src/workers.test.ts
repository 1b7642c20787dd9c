import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { type WorkerPool, withWorkers } from "./workers.ts";

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

  if (runsSources) {
    it("start in a program that the command line gives", () => {
      const args = ["--conditions=@repvgg/source", "--input-type=module", "-e", PROGRAM];
      const cwd = new URL("../../backend", import.meta.url); // which has both packages
      const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
      expect(stdout, stderr).toBe("1,10\n");
    });
  }
});
