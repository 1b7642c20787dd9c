import { readdir, readFile, rm, stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { start } from "./test-cli.ts";
import { ROW, STUDENT, taughtFolder, use } from "./test-teacher-cache.ts";

const command = taughtFolder();
const { run, at, under, student, weights, fileOf } = command;

describe("distill --cache-teacher", () => {
  it("does not ask the teacher again, and gives the same weights bit for bit", async () => {
    const second = await student("--out", "second", "--cache-teacher", "answers");
    expect([second.code, use(second)]).toEqual([0, { kept: 256, asked: 0 }]);
    expect(await weights("second")).toEqual(await weights("first"));
    expect(second.stderr).toMatch(/Teacher .*best\.safetensors: Acc@1 \d+\.\d{3} on 64 validation images/);
    expect((await stat(fileOf(1))).size).toBe(128 * ROW);
    const without = await student("--out", "without");
    expect([without.code, JSON.parse(without.stdout).teacherCache]).toEqual([0, undefined]);
    expect(await weights("without")).not.toEqual(await weights("first"));
  });

  it("serves trainings with other losses, rates and batches, and asks for the epochs that are new", async () => {
    const others = ["--loss", "dkd", "--lr", "0.02", "--batch-size", "32", "--ema", "0.9", "--epochs", "3"];
    const outcome = await student("--out", "others", "--cache-teacher", "answers", ...others);
    expect([outcome.code, use(outcome)]).toEqual([0, { kept: 256, asked: 128 }]);
    await rm(fileOf(3));
  });

  it("keeps one answer an image where nothing augments it, whatever the seed", async () => {
    const plain = ["--augment", "none", "--cache-teacher", "plain"];
    const first = await student("--out", "plain-1", ...plain);
    expect([first.code, use(first)]).toEqual([0, { kept: 128, asked: 128 }]);
    const second = await student("--out", "plain-2", ...plain, "--seed", "1", "--epochs", "3");
    expect([second.code, use(second)]).toEqual([0, { kept: 384, asked: 0 }]);
    expect(await readdir(at("plain/teacher-1"))).toEqual(["images.answers"]);
  });

  it("keeps the answers of each teacher of an ensemble, and the largest logits alone", async () => {
    const args = ["--cache-teacher", "both", "--cache-top-k", "3", "--any-teacher"];
    const both = (out: string) => under("teacher,first", ...args, "--out", out);
    const outcomes = [await both("both-1"), await both("both-2")];
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(outcomes.map(use)).toEqual([
      { kept: 0, asked: 512 },
      { kept: 512, asked: 0 },
    ]);
    expect(await weights("both-2")).toEqual(await weights("both-1"));
    expect((await stat(at("both/teacher-2/epoch-2.answers"))).size).toBe(128 * (12 + 16));
  });

  it("without a folder finds one of its own for each augmentation", async () => {
    const args = ["--epochs", "1", "--limit", "32", "--cache-teacher"];
    const runs = [
      await student("--out", "auto-1", ...args),
      await student("--out", "auto-2", ...args),
      await student("--out", "auto-3", ...args, "--seed", "1"),
    ];
    expect(runs.map(use)).toEqual([
      { kept: 0, asked: 32 },
      { kept: 32, asked: 0 },
      { kept: 0, asked: 32 },
    ]);
    expect(await readdir(at("runs/teacher-cache"))).toHaveLength(2);
  });

  it("writes nothing with --dry-run", async () => {
    const { code, stdout } = await student("--cache-teacher", "never", "--dry-run");
    expect([code, JSON.parse(stdout).teacherCache]).toEqual([0, at("never")]);
    expect(await readdir(command.cwd)).not.toContain("never");
  });
});

describe("a killed training that keeps its teacher's answers", () => {
  it("goes on bit for bit", async () => {
    const args = ["--epochs", "6", "--save-every", "3", "--cache-teacher"];
    expect((await student("--out", "whole", ...args, "whole-answers")).code).toBe(0);
    const { child, seen, outcome } = start([...STUDENT, "--teacher", "teacher", ...args, "cut", "--out", "killed"], {
      cwd: command.cwd,
    });
    await Promise.race([seen("Epoch 2/6"), outcome]);
    child.kill("SIGKILL");
    await outcome;
    expect((await run("distill", "--resume", "killed")).code).toBe(0);
    expect(await weights("killed")).toEqual(await weights("whole"));
    expect(await readFile(fileOf(6, "cut"))).toEqual(await readFile(fileOf(6, "whole-answers")));
  }, 60_000);
});
