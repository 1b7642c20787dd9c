import { readFile } from "node:fs/promises";
import { beforeAll } from "vitest";
import { type CommandInFolder, commandInFolder, writeIdxFolder } from "./test-cli.ts";

/** A training on `digits` that takes a second. */
export const TINY = ["--data", "digits", "--model", "mnist-student", "--batch-size", "16", "--threads", "2"];

export interface DigitsFolder extends CommandInFolder {
  readonly read: (...path: string[]) => Promise<Buffer>;
}

/** A folder with `digits`, and the real command in it. */
export function digitsFolder(): DigitsFolder {
  const command = commandInFolder();
  beforeAll(() => writeIdxFolder(command.at("digits")));
  return Object.assign(command, { read: (...path: string[]) => readFile(command.at(...path)) });
}
