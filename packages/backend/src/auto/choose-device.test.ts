import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { listDevices } from "../list-devices.ts";
import { openDevice } from "../open-device.ts";
import { explainAuto } from "./choose-device.ts";
import { keepStepTimes, readStepTimes } from "./step-times.ts";

const cacheBefore = process.env.XDG_CACHE_HOME;
let cache = "";
const folder = () => join(cache, "repvgg", "step-times");

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "repvgg-auto-"));
  process.env.XDG_CACHE_HOME = cache;
});
beforeEach(() => rm(folder(), { recursive: true, force: true }));
afterAll(async () => {
  if (cacheBefore === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cacheBefore;
  await rm(cache, { recursive: true, force: true });
});

const keep = (stepMs: object) => keepStepTimes({ measured: "2026-11-24T10:00:00.000Z", step: "a step", stepMs });

describe("auto", () => {
  it("takes the fastest device that was measured here, and says so", async () => {
    await keep({ wasm: 100, "tfjs-wasm": 20, cpu: 50 });
    const device = await openDevice("auto");
    expect(device.name).toBe("tfjs-wasm");
    expect(device.choice).toEqual({
      why: "20 ms for a training step of a step (wasm 100 ms, cpu 50 ms), measured here on 2026-11-24",
      failures: [],
    });
    expect((await openDevice("cpu")).choice).toBeUndefined();
  });

  it("takes the next one where the fastest no longer works, and says that too", async () => {
    await keep({ wasm: 100, cuda: 1, cpu: 50 });
    if ((await listDevices()).find(({ name }) => name === "cuda")!.available) return; // then it works
    const device = await openDevice("auto");
    expect(device.name).toBe("cpu");
    expect(device.choice?.failures).toEqual([expect.stringMatching(/^cuda was tried first: .*tfjs-node-gpu/)]);
    expect(device.description).toContain("cuda was tried first: ");
  });

  it("takes wasm for exact sums and for checkpointing, whatever is faster", async () => {
    await keep({ wasm: 100, cpu: 50 });
    expect((await openDevice("auto", { exact: true })).name).toBe("wasm");
    const { name, choice } = await openDevice("auto", { checkpointing: true });
    expect({ name, why: choice?.why }).toEqual({ name: "wasm", why: "checkpointing needs it" });
  });

  it("goes by no times that cannot be read", async () => {
    await keep({ wasm: 100, cpu: 50 });
    const [file] = await readdir(folder());
    for (const text of ["", "{}", '{"measured": "2026", "step": "x", "stepMs": {"cpu": "fast"}}']) {
      await writeFile(join(folder(), file!), text);
      expect(await readStepTimes()).toBeUndefined();
    }
  });
});

describe("explainAuto", () => {
  const status = (name: "native" | "webgpu" | "wasm" | "cpu", available = true) => ({ name, available, reason: "-" });

  it("says of each device why auto takes it or does not", async () => {
    await keep({ native: 66, wasm: 34 });
    const explained = await explainAuto([status("native"), status("webgpu", false), status("wasm"), status("cpu")]);
    expect(explained.map(({ auto }) => auto)).toEqual([
      { taken: false, why: "66 ms a step; wasm 34 ms" },
      { taken: false, why: "does not work here" },
      { taken: true, why: "34 ms for a training step of a step (native 66 ms), measured here on 2026-11-24" },
      { taken: false, why: "not measured here" },
    ]);
  });

  it("names the one that openDevice takes", async () => {
    await keep({ wasm: 100, cuda: 1, cpu: 50 });
    const taken = (await listDevices()).filter(({ auto }) => auto.taken).map(({ name }) => name);
    expect(taken).toEqual([(await openDevice("auto")).name]);
  });
});
