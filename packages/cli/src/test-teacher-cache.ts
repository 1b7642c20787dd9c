import { readFile } from "node:fs/promises";
import { beforeAll, expect } from "vitest";
import { type CommandInFolder, commandInFolder, type Outcome, writeIdxFolder } from "./test-cli.ts";

/** Of ten classes, all kept. */
export const ROW = 12 + 20;

const TINY = ["--data", "digits", "--batch-size", "16", "--threads", "2"];
export const STUDENT = [
  "distill",
  ...TINY,
  "--model",
  "mnist-student",
  "--epochs",
  "2",
  "--augment",
  "shift",
  "--json",
];

/** How many answers came from the disk, and of how many the teacher was asked. */
export function use({ stdout }: Pick<Outcome, "stdout">): { readonly kept: number; readonly asked: number } {
  const { kept, asked } = JSON.parse(stdout).teacherCache;
  return { kept, asked };
}

export interface TaughtFolder extends CommandInFolder {
  /** A distillation of two epochs from a teacher. */
  readonly under: (teacher: string, ...args: string[]) => Promise<Outcome>;
  /** The same from `teacher`. */
  readonly student: (...args: string[]) => Promise<Outcome>;
  readonly weights: (run: string) => Promise<Buffer>;
  /** The kept answers of an epoch, counted from 1. */
  readonly fileOf: (epoch: number, folder?: string) => string;
}

/** A folder with `digits`, a trained `teacher`, and `first`, a student of it whose teacher's answers are kept in `answers`. */
export function taughtFolder(): TaughtFolder {
  const command = commandInFolder();
  const { run, at } = command;
  const under: TaughtFolder["under"] = (teacher, ...args) => run(...STUDENT, "--teacher", teacher, ...args);
  const student: TaughtFolder["student"] = (...args) => under("teacher", ...args);
  beforeAll(async () => {
    await writeIdxFolder(at("digits"), { train: 128, test: 64 });
    const train = ["train", ...TINY, "--model", "mnist-teacher", "--epochs", "4", "--out", "teacher"];
    expect((await run(...train)).code).toBe(0);
    const { code } = await student("--out", "first", "--cache-teacher", "answers");
    expect(code).toBe(0);
  }, 60_000);
  return Object.assign(command, {
    under,
    student,
    weights: (folder: string) => readFile(at(folder, "last.safetensors")),
    fileOf: (epoch: number, folder = "answers") => at(folder, "teacher-1", `epoch-${epoch}.answers`),
  });
}
