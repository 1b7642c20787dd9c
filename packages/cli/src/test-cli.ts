import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@repvgg/core";
import sharp from "sharp";
import { afterAll, beforeAll } from "vitest";

const BIN = fileURLToPath(new URL("../bin/repvgg.js", import.meta.url));

const COLOURS = { "blue sky": [60, 90, 220], grass: [60, 200, 70] } as const;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Waits until stderr has this text. */
  seen(text: string): Promise<void>;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the real command, as a user's shell would. */
export function start(args: readonly string[], { cwd, env: more = {} }: Surroundings): Running {
  const { NO_COLOR: _, REPVGG_NO_WIDE: __, ...rest } = process.env;
  // What `auto` takes must not depend on what was measured on the machine before.
  const env = { ...rest, XDG_CACHE_HOME: join(cwd, ".cache"), ...more };
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  const waiting: (() => void)[] = [];
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
    for (const look of waiting) look();
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const seen = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => stderr.includes(text) && resolve();
      waiting.push(look);
      child.on("close", () => reject(new Error(`It ended without saying "${text}": ${stderr}`)));
      look();
    });
  return { child, outcome, seen };
}

/** Runs the real command to its end. */
export function repvgg(args: readonly string[], options: Surroundings): Promise<Outcome> {
  return start(args, options).outcome;
}

/** A folder for the tests of a file, and the real command in it. */
export interface CommandInFolder {
  readonly cwd: string;
  readonly run: (...args: string[]) => Promise<Outcome>;
  /** A path in the folder. */
  readonly at: (...path: string[]) => string;
}

/** To be called outside of tests; the folder is there from the first `beforeAll` of the file on, and gone after its tests. */
export function commandInFolder(): CommandInFolder {
  let folder: string | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "repvgg-cli-"));
  });
  afterAll(() => folder && rm(folder, { recursive: true, force: true }));
  const command: CommandInFolder = {
    get cwd() {
      return folder!;
    },
    run: (...args) => repvgg(args, command),
    at: (...path) => join(command.cwd, ...path),
  };
  return command;
}

/** Makes a folder of MNIST idx files with a few images of noise, brighter in the rows of their class, so that something can be learnt. */
export async function writeIdxFolder(folder: string, { train = 64, test = 32 } = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [prefix, count] of [
    ["train", train],
    ["t10k", test],
  ] as const) {
    const random = seededRandom(count);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    const pixels = Uint8Array.from({ length: count * 784 }, (_, p) => {
      const row = Math.floor((p % 784) / 28);
      const bright = Math.floor(row / 3) === labels[Math.floor(p / 784)];
      return Math.floor(random() * 60) + (bright ? 190 : 0);
    });
    await writeFile(join(folder, `${prefix}-images-idx3-ubyte`), idx([count, 28, 28], pixels));
    await writeFile(join(folder, `${prefix}-labels-idx1-ubyte`), idx([count], labels));
  }
}

export function idx(shape: readonly number[], bytes: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, 0x0800 + shape.length);
  shape.forEach((n, i) => {
    header.setUint32(4 + 4 * i, n);
  });
  return Buffer.concat([new Uint8Array(header.buffer), bytes]);
}

/** Writes a folder of two classes: noise around the colour of each, of any size; so many images of each class a split. */
export async function writeImageFolder(root: string, counts: Readonly<Record<string, number>>): Promise<void> {
  const random = seededRandom(1);
  for (const [split, count] of Object.entries(counts)) {
    for (const [name, colour] of Object.entries(COLOURS)) {
      const folder = join(root, split, name);
      await mkdir(folder, { recursive: true });
      for (let i = 0; i < count; i++) {
        const [height, width] = [40 + i, 60 - i];
        const data = Uint8Array.from({ length: height * width * 3 }, (_, at) => colour[at % 3]! - 30 + random() * 60);
        await sharp(data, { raw: { height, width, channels: 3 } })
          .jpeg()
          .toFile(join(folder, `${i}.jpg`));
      }
    }
  }
}
