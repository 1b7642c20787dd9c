import { existsSync } from "node:fs";
import { type DeviceStatus, listDevices } from "@repvgg/backend";
import { describe, expect, it } from "vitest";
import { commandInFolder, repvgg } from "./test-cli.ts";

const command = commandInFolder();
const { run } = command;

const NAMES = ["cuda", "native", "webgpu", "wasm", "tfjs-wasm", "cpu"];

describe("devices", () => {
  it("gives each with its reason, the time of a training step where it works, and what auto takes by these times", async () => {
    const { code, stdout } = await run(
      "devices",
      "--model",
      "mnist-student",
      "--batch",
      "2",
      "--image-size",
      "8",
      "--json",
    );
    expect(code).toBe(0);
    const devices = JSON.parse(stdout) as (DeviceStatus & { stepMs: number | null })[];
    expect(devices.map(({ name }) => name)).toEqual(NAMES);
    for (const { name, available, reason, stepMs } of devices) {
      expect(reason, name).not.toBe("");
      if (available) expect(stepMs, name).toBeGreaterThan(0);
      else expect(stepMs, name).toBeNull();
    }
    for (const { name, available } of devices.slice(3)) expect(available, name).toBe(true);

    // By these times auto chooses from then on.
    const taken = devices.filter(({ auto }) => auto.taken);
    expect(taken).toHaveLength(1);
    const { name, stepMs, auto } = taken[0]!;
    expect(auto.why).toMatch(/ ms for a training step of mnist-student on 2 images of 8x8 \(.*measured here on 20/);
    expect(stepMs).toBeLessThanOrEqual(1.1 * Math.min(...devices.flatMap(({ stepMs }) => stepMs ?? [])));
    for (const args of [["devices", "--no-measure"], ["doctor"]]) {
      expect((await run(...args)).stdout).toContain(`--device auto takes ${name}: ${auto.why}.`);
    }
    const training = await run("train", "--data", "mnist", "--model", "mnist-student", "--limit", "200", "--dry-run");
    expect(training.stderr).toContain(`--device auto: ${name}: ${auto.why}`);
  });

  it("draws a table, and measures nothing when it is told not to", async () => {
    const { code, stdout, stderr } = await run("devices", "--no-measure");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^device +works +step, ms +auto +why\n/);
    expect(stdout).toMatch(/\nwasm +yes +- +takes it +RepVGG's WebAssembly engine/);
  });

  it.each([
    ["an unknown network", ["devices", "--model", "a9"], 2, "Did you mean repvgg-a0?"],
    [
      "a device with a number that is none",
      ["bench", "a0", "--device", "cuda:x"],
      2,
      "or as cuda:1 for the second GPU",
    ],
    [
      "a TensorFlow that is not there",
      ["devices", "link-tensorflow", "--from", "no-python"],
      1,
      'There is no "no-python".',
    ],
    ["an unknown option after it", ["devices", "link-tensorflow", "--form", "x"], 2, "Did you mean --from?"],
  ])("refuses %s", async (_, args, code, message) => {
    const outcome = await run(...args);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toContain(message);
  });
});

const native = (await listDevices()).some(({ name, available }) => name === "native" && available);
const MALLOC_DEBUG = "/lib/x86_64-linux-gnu/libc_malloc_debug.so.0";

// Only a process of its own can be run with glibc's checks; where there is no such library, the step runs without them.
describe.each(native ? ["native"] : [])("a training step on %s", (device) => {
  it("leaves the heap whole, at 128x128, where TensorFlow's own gradient of the stem's 1x1 corrupts it", async () => {
    const env = { MALLOC_CHECK_: "3", ...(existsSync(MALLOC_DEBUG) && { LD_PRELOAD: MALLOC_DEBUG }) };
    const step = [
      "bench",
      "repvgg-a0",
      "--train",
      "--batch",
      "2",
      "--image-size",
      "128",
      "--warmup",
      "0",
      "--runs",
      "2",
    ];
    const { code, stderr } = await repvgg([...step, "--device", device], { cwd: command.cwd, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});
