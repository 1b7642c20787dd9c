import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repvgg, temporaryFolder, writeIdxFolder } from "./test-cli.ts";

let cwd: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder: cwd, remove } = await temporaryFolder());
  await mkdir(join(cwd, "digits"));
  await writeIdxFolder(join(cwd, "digits"), { train: 128, test: 64 });
  const { code } = await run("train", ...TINY, "--model", "mnist-teacher", "--epochs", "4", "--out", "teacher");
  expect(code).toBe(0);
}, 60_000);
afterAll(() => remove());

const run = (...args: string[]) => repvgg(args, { cwd });
const TINY = ["--data", "digits", "--batch-size", "16", "--threads", "2"];
const distill = (...args: string[]) =>
  run("distill", ...TINY, "--model", "mnist-student", "--teacher", "teacher", ...args);
const metrics = async (folder: string) =>
  (await readFile(join(cwd, folder, "metrics.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("distill --loss", () => {
  it("tells of each term how much it weighs, in metrics.jsonl", async () => {
    const { code } = await distill(
      "--epochs",
      "2",
      "--loss",
      "kd:0.9,features:5",
      "--feature-stages",
      "2,3",
      "--out",
      "hints",
    );
    expect(code).toBe(0);
    const [first, , second] = await metrics("hints");
    expect(Object.keys(first.figures).sort()).toEqual([
      "gradientNorm/features",
      "gradientNorm/kd",
      "gradientNorm/labels",
      "gradientShare/kd",
      "gradientShare/labels",
      "loss/features",
      "loss/kd",
      "loss/labels",
    ]);
    expect(first.figures["gradientShare/kd"] + first.figures["gradientShare/labels"]).toBeCloseTo(1, 10);
    const { figures } = first;
    expect(first.loss).toBeCloseTo(
      0.1 * figures["loss/labels"] + 0.9 * figures["loss/kd"] + 5 * figures["loss/features"],
      4,
    );
    expect(second.figures["loss/features"]).toBeLessThan(figures["loss/features"]);
  });

  it.each(["dkd", "dist", "attention:100", "hard"])("trains with %s", async (loss) => {
    const { code, stdout } = await distill(
      "--epochs",
      "1",
      "--loss",
      loss,
      "--out",
      `of-${loss.split(":")[0]}`,
      "--json",
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ epochs: 1 });
  });

  it.each<[string[], string]>([
    [["--loss", "dk"], 'there is no loss "dk". Did you mean dkd?'],
    [["--loss", "kd:2"], "leave -1 to the labels"],
    [["--temperature", "0"], "--temperature must be a number above 0"],
    [["--alpha", "1.5"], "--alpha must be a number in [0, 1]"],
    [["--feature-stages", "9", "--loss", "features"], "must be some of 1,2,3,4"],
  ])("refuses %j: 2", async (args, message) => {
    const { code, stderr } = await distill(...args, "--out", "wrong");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });
});
