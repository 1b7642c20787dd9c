import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, start, writeIdxFolder } from "./test-cli.ts";

const command = commandInFolder();
const { run, at } = command;
beforeAll(() => writeIdxFolder(at("digits")));

const sweepOf = async (folder: string) => JSON.parse(await readFile(at(folder, "sweep.json"), "utf8"));
const statesOf = async (folder: string) => (await sweepOf(folder)).trials.map(({ state }: { state: string }) => state);
const DATA = ["--data", "digits", "--model", "mnist-student", "--threads", "1"];
const TINY = [...DATA, "--batch-size", "16"];

describe("sweep", () => {
  it("trains each combination as train does, and ranks them", async () => {
    const args = [...TINY, "--epochs", "2", "--grid", "lr=0.001,0.1", "--grid", "momentum=0.8,0.9"];
    const { code, stdout } = await run("sweep", ...args, "--out", "grid");
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("trial     lr  momentum   Acc@1   Acc@5  epoch  time  state");
    const { trials, settings } = await sweepOf("grid");
    expect(settings).toMatchObject({ data: at("digits"), epochs: 2 });
    expect(trials.map(({ settings }: { settings: object }) => settings)).toEqual([
      { lr: 0.001, momentum: 0.8 },
      { lr: 0.001, momentum: 0.9 },
      { lr: 0.1, momentum: 0.8 },
      { lr: 0.1, momentum: 0.9 },
    ]);
    const rates = lines.slice(1, 5).map((line) => Number(line.trim().split(/\s+/)[3]));
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
    expect(new Set(rates).size).toBeGreaterThan(1);

    await run("train", ...TINY, "--epochs", "2", "--lr", "0.1", "--momentum", "0.8", "--out", "alone");
    expect(await readFile(at("grid/trial-3/last.safetensors"))).toEqual(await readFile(at("alone/last.safetensors")));
    const rows = (await readFile(at("grid/sweep.csv"), "utf8")).trim().split("\n");
    expect(rows[0]).toBe("trial,lr,momentum,top1,top5,epoch,seconds,state,error");
    expect(rows.slice(1).map((row) => Number(row.split(",")[3]) * 100)).toEqual(rates);
    const page = await readFile(at("grid/sweep.html"), "utf8");
    for (const flag of ["--lr", "--momentum"]) expect(page).toContain(`aria-label="Acc@1 by ${flag}"`);
    const linked = [...page.matchAll(/<a href="(trial-\d\/report\.html)">/g)].map(([, file]) => file!);
    expect(linked).toEqual(rows.slice(1).map((row) => `trial-${row.split(",")[0]}/report.html`));
    for (const file of linked) expect((await readFile(at("grid", file), "utf8")).slice(0, 15)).toBe("<!doctype html>");
  });

  it("goes on after trials that fail or diverge, and tries only those that failed again", async () => {
    const settings = ["batch-size=16,1000", "lr=0.1,1e30"];
    const args = [...DATA, "--epochs", "1", "--limit", "32", "--grid", ...settings, "--out", "failing"];
    const { code, stdout, stderr } = await run("sweep", ...args, "--json");
    expect(code).toBe(0);
    expect(stderr).toContain("Trial 3 failed: --batch-size 1000 is larger");
    const value = JSON.parse(stdout);
    const failed = { epochs: null, best: null, error: expect.stringContaining("--batch-size 1000 is larger") };
    expect(value).toEqual([
      {
        ...{ trial: 1, settings: { batchSize: 16, lr: 0.1 }, run: "failing/trial-1", epochs: 1, error: null },
        ...{ seconds: expect.any(Number), best: { epoch: 1, top1: expect.any(Number), top5: expect.any(Number) } },
      },
      expect.objectContaining({ trial: 2, best: null, error: expect.stringContaining("The loss became NaN") }),
      expect.objectContaining({ trial: 3, ...failed }),
      expect.objectContaining({ trial: 4, ...failed }),
    ]);
    expect(await statesOf("failing")).toEqual(["finished", "diverged", "failed", "failed"]);

    const again = await run("sweep", "--resume", "failing");
    expect(again.code).toBe(0);
    expect(again.stderr.match(/^Trial \d\/4/gm)).toEqual(["Trial 3/4", "Trial 4/4"]);
    expect(again.stdout).toContain("Trial 3: --batch-size 1000 is larger");
    expect(await readFile(at("failing/sweep.csv"), "utf8")).toContain('diverged,"The loss became NaN');
  });

  it("ends with 1 where every trial failed", async () => {
    const { code, stdout } = await run("sweep", ...DATA, "--grid", "batch-size=1000,2000", "--out", "none");
    expect([code, stdout]).toEqual([1, expect.stringContaining("No trial finished.")]);
  });

  it("is stopped by Ctrl-C and continues where it was, to the same weights", async () => {
    const args = [...TINY, "--epochs", "20", "--grid", "seed=1,2,3"];
    const stopped = start(["sweep", ...args, "--out", "stopped"], command);
    await stopped.seen("Trial 2/3");
    await stopped.seen("stopped/trial-2\nEpoch 1/20");
    stopped.child.kill("SIGINT");
    const { code, stderr } = await stopped.outcome;
    expect([code, stderr]).toEqual([130, expect.stringContaining("repvgg sweep --resume stopped")]);
    expect(stderr).not.toContain("Trial 3/3");
    expect(await statesOf("stopped")).toEqual(["finished", "running", "waiting"]);
    const first = await readFile(at("stopped/trial-1/config.json"), "utf8");

    const { code: done, stderr: later, stdout } = await run("sweep", "--resume", "stopped", "--json");
    expect(done).toBe(0);
    expect(later).not.toContain("Trial 1/3");
    expect(JSON.parse(stdout)).toHaveLength(3);
    expect(await readFile(at("stopped/trial-1/config.json"), "utf8")).toBe(first);
    expect((await readdir(at("stopped"))).sort()).toEqual([
      ...["sweep.csv", "sweep.html", "sweep.json", "trial-1", "trial-2", "trial-3"],
    ]);
    await run("train", ...TINY, "--epochs", "20", "--seed", "2", "--out", "whole");
    expect(await readFile(at("stopped/trial-2/last.safetensors"))).toEqual(
      await readFile(at("whole/last.safetensors")),
    );
  });

  it("draws trials from ranges, the same ones for a seed", async () => {
    const args = [...TINY, "--random", "3", "--range", "lr=0.001:0.5:log", "epochs=1:9", "--dry-run"];
    const trials = async (...more: string[]) => (await run("sweep", ...args, ...more)).stdout;
    const first = await trials("--seed", "4");
    expect(first.match(/^Trial \d\/3: --lr \S+ --epochs \d$/gm)).toHaveLength(3);
    expect(await trials("--seed", "4")).toBe(first);
    expect(await readdir(command.cwd)).not.toContain("runs");
  });

  it("takes the other settings from a config file, and those of distill", async () => {
    await run("train", ...TINY, "--epochs", "1", "--out", "teacher");
    await writeFile(at("distill.json"), '{"data": "digits", "model": "mnist-student", "batchSize": 16, "epochs": 1}');
    const args = ["--config", "distill.json", "--teacher", "teacher", "--any-teacher", "--grid", "temperature=2,8"];
    const { code, stdout } = await run("sweep", "distill", ...args, "--out", "distilled", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(2);
    const config = JSON.parse(await readFile(at("distilled/trial-2/config.json"), "utf8"));
    expect(config).toMatchObject({ teacher: at("teacher"), temperature: 8, run: { command: "distill" } });
    await rm(at("distill.json"));
    expect((await run("sweep", "--resume", "distilled")).code).toBe(0); // needs the file no more
  });

  const FIXED = ["--data", "digits", "--model", "a0", "--out", "refused"];
  it.each([
    ["an unknown setting", [...FIXED, "--grid", "momentun=0.9"], 'no setting "momentun". Did you mean momentum?'],
    ["nothing to search", FIXED, "Nothing is searched."],
    ["a setting that is given, too", [...FIXED, "--lr", "1", "--grid", "lr=1,2"], "--lr is given and searched."],
    ["options of distill", [...FIXED, "--alpha", "1", "--grid", "lr=1,2"], "--alpha is an option of distill"],
    ["searched ones of distill", [...FIXED, "--grid", "alpha=0,1"], 'no setting "alpha"'],
    [
      "settings that contradict each other",
      [...FIXED, "--grid", "warmup-epochs=1,9"],
      "--warmup-epochs 9 leaves nothing",
    ],
    ["an unknown network", ["--data", "digits", "--out", "refused", "--grid", "model=a0,b9"], "b9"],
    ["another word", ["trian", ...FIXED, "--grid", "lr=1,2"], "Did you mean train?"],
    ["a folder that is no sweep", ["--resume", "digits"], "digits is no sweep"],
  ])("refuses %s before anything is written", async (_, args, message) => {
    const { code, stderr } = await run("sweep", ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(await readdir(command.cwd)).not.toContain("refused");
    expect((await readdir(at("digits"))).filter((name) => name.startsWith("lock"))).toEqual([]);
  });

  it("takes nothing but the folder to go on", async () => {
    const { code, stderr } = await run("sweep", "--resume", "none", "--lr", "0.1");
    expect([code, stderr]).toEqual([2, expect.stringContaining("leave out --lr")]);
  });
});
