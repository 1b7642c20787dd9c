import { spawnSync } from "node:child_process";
import { mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { seededRandom } from "@repvgg/core";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, start, writeIdxFolder, writeImageFolder } from "./test-cli.ts";

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  await writeIdxFolder(at("digits"));
  await writeImageFolder(at("photos"), { train: 16, val: 4 });
});

const DIGITS = ["--data", "digits", "--model", "mnist-student", "--batch-size", "16", "--threads", "1"];
/** Long enough to be stopped in the middle. */
const ENDLESS = [...DIGITS, "--epochs", "5000", "--save-every", "1"];
const FIRST_EPOCH = "Epoch 1/";

const weights = (folder: string) =>
  Promise.all(["last", "last-ema", "best"].map((name) => readFile(at(folder, `${name}.safetensors`))));
const metrics = async (folder: string) => {
  const lines = (await readFile(at(folder, "metrics.jsonl"), "utf8")).trim().split("\n");
  return lines.map((line) => ({ ...JSON.parse(line), seconds: 0, dataSeconds: 0, imagesPerSecond: 0 }));
};
const states = async (folder: string) =>
  (await readdir(at(folder, "resume"))).filter((name) => name.startsWith("state-")).sort();

describe("a training killed at random moments", () => {
  it.each(["1", "2"])(
    "ends with the weights of one that was not, with %s threads, workers and augmentation",
    async (threads) => {
      const photos = ["--data", "photos", "--model", "mnist-student", "--image-size", "32", "--batch-size", "4"];
      const random = ["--augment", "rand-augment", "--mixup", "0.2", "--random-erasing", "0.3", "--workers", "2"];
      const more = ["--epochs", "6", "--ema", "0.9", "--save-every", "1", "--threads", threads];
      const args = ["train", ...photos, ...random, ...more];
      const [whole, killed] = [`whole-${threads}`, `killed-${threads}`];
      expect((await run(...args, "--out", whole)).code).toBe(0);

      const moments = seededRandom(Number(threads));
      let kills = 0;
      const isFinished = async () => {
        const exists = await stat(at(killed)).then(
          () => true,
          () => false,
        );
        const words = exists ? ["train", "--resume", killed] : [...args, "--out", killed];
        const { child, seen, outcome } = start(words, command);
        // The first time in the middle, however fast the machine is; then at random: loading takes most of the least.
        if (kills === 0) await Promise.race([seen("Epoch 2/6"), outcome]);
        if (kills < 5) await Promise.race([wait(kills === 0 ? 0 : 600 + 900 * moments()), outcome]);
        else await outcome;
        if (child.exitCode === null && child.kill("SIGKILL")) kills++;
        return (await outcome).code === 0;
      };
      while (!(await isFinished()));
      expect(kills).toBeGreaterThan(0);
      expect(await weights(killed)).toEqual(await weights(whole));
      expect(await metrics(killed)).toEqual(await metrics(whole));
      expect((await readdir(at(killed, "resume"))).every((name) => name.startsWith("state-"))).toBe(true); // no lock is left
    },
  );
});

describe("Ctrl-C twice", () => {
  it("ends at once, with 130 and whole files", async () => {
    const { child, seen, outcome } = start(["train", ...ENDLESS, "--out", "twice"], command);
    await seen(FIRST_EPOCH);
    child.kill("SIGINT");
    await seen("press Ctrl-C again");
    child.kill("SIGINT");
    expect((await outcome).code).toBe(130);
    const again = start(["train", "--resume", "twice"], command);
    await again.seen("Epoch 3/");
    again.child.kill("SIGINT");
    const { code, stderr } = await again.outcome;
    expect(code).toBe(130);
    expect(stderr).toContain("To go on from the last saved step: repvgg train --resume twice");
    expect(stderr).not.toContain("damaged");
  });
});

describe("a run that another process writes to", () => {
  it("is not continued; the lock of a dead process is no hindrance", async () => {
    const first = start(["train", ...ENDLESS, "--out", "busy"], command);
    await first.seen(FIRST_EPOCH);
    const second = await run("train", "--resume", "busy");
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`Another training is writing to this run: process ${first.child.pid}.`);
    first.child.kill("SIGKILL");
    await first.outcome;
    expect((await readdir(at("busy/resume"))).some((name) => name.startsWith("lock-"))).toBe(true);

    const third = start(["train", "--resume", "busy"], command);
    await third.seen("run folder: busy");
    third.child.kill("SIGINT");
    expect((await third.outcome).code).toBe(130);
    expect((await readdir(at("busy/resume"))).some((name) => name.startsWith("lock-"))).toBe(false);
  });

  it.runIf(process.platform === "linux")("is told from one whose pid was given to another process", async () => {
    await run("train", ...DIGITS, "--epochs", "1", "--out", "reused");
    const host = hostname().replaceAll(/[^\w.-]/g, "_");
    await writeFile(at("reused/resume", `lock-${host}-${process.pid}-1`), ""); // this process did not start at boot
    expect((await run("train", "--resume", "reused")).code).toBe(0);
    await writeFile(at("reused/resume/lock-elsewhere-1-1"), "");
    const { code, stderr } = await run("train", "--resume", "reused");
    expect([code, stderr]).toEqual([1, expect.stringContaining("process 1 on elsewhere")]);
    expect(stderr).toContain("delete reused/resume/lock-elsewhere-1-1");
  });
});

describe("a damaged state", () => {
  const SHORT = [...DIGITS, "--epochs", "3", "--ema", "0.9", "--save-every", "1"];

  it.each([
    ["truncated", (file: string) => truncate(file, 5000)],
    ["changed by one bit", flipBit],
    ["empty", (file: string) => truncate(file, 0)],
  ])("that is %s is left for the one before, which says so", async (name, damage) => {
    const folder = name.replaceAll(" ", "-");
    await run("train", ...SHORT, "--out", folder);
    const expected = await weights(folder);
    const [before, last] = await states(folder);
    await damage(at(folder, "resume", last!));
    await truncate(at(folder, "last.safetensors"), 100);
    const { code, stderr } = await run("train", "--resume", folder);
    expect(code).toBe(0);
    expect(stderr).toContain(last);
    expect(stderr).toContain("The state saved before it is taken.");
    expect(await weights(folder)).toEqual(expected);
    expect(await states(folder)).toEqual([before, last]);
  });

  it("that a killed process had begun to write is taken away, and no file of others", async () => {
    await run("train", ...SHORT, "--out", "begun");
    const expected = await weights("begun");
    const begun = [
      "resume/.state-000000099.safetensors.0123456789ab.tmp",
      ".last-ema.safetensors.0123456789ab.tmp",
      ".validation.json.0123456789ab.tmp",
      ".report.html.0123456789ab.tmp",
      ".mine.tmp",
    ];
    for (const name of begun) await writeFile(at("begun", name), "half of it");
    expect((await run("train", "--resume", "begun")).code).toBe(0);
    const left = [...(await readdir(at("begun"))), ...(await readdir(at("begun/resume")))];
    expect(left.filter((name) => name.endsWith(".tmp")).sort()).toEqual([".mine.tmp", ".report.html.0123456789ab.tmp"]);
    expect(await weights("begun")).toEqual(expected);
  });

  it("without another to fall back to is an error, and so are none at all", async () => {
    await run("train", ...SHORT, "--out", "all-damaged");
    for (const name of await states("all-damaged")) await truncate(at("all-damaged/resume", name), 0);
    const damaged = await run("train", "--resume", "all-damaged");
    expect([damaged.code, damaged.stderr]).toEqual([1, expect.stringContaining("every saved state is damaged")]);
    await rm(at("all-damaged/resume"), { recursive: true });
    const none = await run("train", "--resume", "all-damaged");
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("it has weights, but no saved state")]);
  });

  it("does not matter for the weights of the last epoch, which are written again", async () => {
    await run("train", ...SHORT, "--out", "mended");
    const expected = await weights("mended");
    await truncate(at("mended/last.safetensors"), 100);
    const { code, stderr } = await run("train", "--resume", "mended");
    expect([code, stderr]).toEqual([0, expect.stringContaining("It is written again, from the saved state.")]);
    expect(await weights("mended")).toEqual(expected);
  });
});

async function flipBit(file: string): Promise<void> {
  const handle = await open(file, "r+");
  const { size } = await handle.stat();
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, size - 1000);
  await handle.write(Buffer.from([byte[0]! ^ 4]), 0, 1, size - 1000);
  await handle.close();
}

describe("a run that goes on otherwise", () => {
  beforeAll(async () => {
    await run("train", ...DIGITS, "--epochs", "2", "--out", "changing");
  });

  it("says all that differs, and goes on with --force", async () => {
    const others = ["--lr", "0.05", "--epochs", "3", "--optimizer", "adamw"];
    const refused = await run("train", "--resume", "changing", ...others);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--epochs 2 -> 3, --optimizer sgd -> adamw, --lr 0.1 -> 0.05");
    const { code, stderr } = await run("train", "--resume", "changing", ...others, "--force");
    expect([code, stderr]).toEqual([0, expect.stringContaining("Epoch 3/3")]);
    expect(stderr).toContain("The optimizer begins anew.");
    expect(JSON.parse(await readFile(at("changing/config.json"), "utf8"))).toMatchObject({ lr: 0.05, epochs: 3 });
    expect((await run("train", "--resume", "changing")).code).toBe(0); // these are its settings now
  });

  it.each([
    ["another network", ["--model", "mnist-teacher", "--force"], "cannot be continued with --model mnist-student ->"],
    ["fewer epochs than it has done", ["--epochs", "1", "--force"], "epochs are behind it"],
    ["another folder", ["--out", "elsewhere"], "--out goes with a new run only"],
  ])("cannot have %s", async (_, args, message) => {
    const { code, stderr } = await run("train", "--resume", "changing", ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it("finds that the images are others, wherever they lie", async () => {
    await mkdir(at("moved"));
    await writeIdxFolder(at("moved"));
    await run("train", ...DIGITS, "--epochs", "1", "--out", "of-moved");
    expect((await run("train", "--resume", "of-moved", "--data", "moved")).code).toBe(0);
    await writeIdxFolder(at("moved"), { train: 80 });
    const { code, stderr } = await run("train", "--resume", "of-moved", "--data", "moved");
    expect([code, stderr]).toEqual([1, expect.stringContaining("there were 64, now there are 80")]);
    const forced = await run("train", "--resume", "of-moved", "--data", "moved", "--epochs", "2", "--force");
    expect([forced.code, forced.stderr]).toEqual([0, expect.stringContaining("Goes on with other images.")]);
  });
});

describe("a run that cannot write", () => {
  it.skipIf(process.platform === "win32")("stops with the last good state, and goes on from it", async () => {
    await run("train", ...DIGITS, "--epochs", "1", "--out", "full");
    const before = await weights("full").catch(() => readFile(at("full/last.safetensors")));
    const bin = join(import.meta.dirname, "../bin/repvgg.js");
    const limited = `ulimit -f 40; exec "${process.execPath}" "${bin}" train --resume full --epochs 3 --force`;
    const { status, stderr } = spawnSync("sh", ["-c", limited], { cwd: command.cwd, encoding: "utf8" });
    expect([status, stderr]).toEqual([1, expect.stringContaining("could not be written")]);
    expect(stderr).toContain("To go on from the last saved step: repvgg train --resume full");
    expect(await readFile(at("full/last.safetensors"))).toEqual(before);
    expect((await readdir(at("full"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect((await run("train", "--resume", "full")).code).toBe(0);
    expect(await metrics("full")).toHaveLength(6);
  });

  it("leaves no folder where it fails before its first save", async () => {
    await writeImageFolder(at("damaged"), { train: 8, val: 2 });
    await writeFile(at("damaged/train/grass/7.jpg"), "<!DOCTYPE html><p>404");
    const args = ["--data", "damaged", "--model", "mnist-student", "--image-size", "32", "--batch-size", "8"];
    const { code } = await run("train", ...args, "--epochs", "1", "--out", "never");
    expect(code).toBe(1);
    expect((await readdir(command.cwd)).filter((name) => name.includes("never"))).toEqual([]);
  });
});

describe("--keep", () => {
  it("keeps the weights of the last epochs", async () => {
    await run("train", ...DIGITS, "--epochs", "4", "--keep", "2", "--out", "kept");
    const files = (await readdir(at("kept"))).filter((name) => name.startsWith("epoch-"));
    expect(files.sort()).toEqual(["epoch-3.safetensors", "epoch-4.safetensors"]);
    expect(await readFile(at("kept/epoch-4.safetensors"))).toEqual(await readFile(at("kept/last.safetensors")));
  });
});
