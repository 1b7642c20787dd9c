import { watch } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "@repvgg/checkpoint/node";
import { findVariant, initialState } from "@repvgg/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { start, temporaryFolder } from "./test-cli.ts";

let cwd: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder: cwd, remove } = await temporaryFolder());
  const { spec } = findVariant("a0"); // 33 MB: writing takes long enough to be interrupted
  await saveCheckpoint(join(cwd, "a0.safetensors"), { spec, form: "train", state: initialState(spec, 1) });
  await writeFile(join(cwd, "out.safetensors"), "before");
});
afterAll(() => remove());

it.each([
  ["SIGINT", ["fuse", "a0.safetensors", "out.safetensors"]],
  ["SIGTERM", ["export", "a0.safetensors", "out.pth"]],
  ["SIGINT", ["export", "a0.safetensors", "web", "--format", "tfjs"]],
] as const)("%s during %j leaves nothing", async (signal, args) => {
  const before = await readdir(cwd);
  const { child, outcome } = start([...args, "--image-size", "32", "--random-images", "1"], { cwd });
  const watcher = watch(cwd, (_, name) => name?.startsWith(".") && child.kill(signal));
  const { stdout } = await outcome;
  watcher.close();
  expect({ stdout, signal: child.signalCode }).toEqual({ stdout: "", signal });
  expect(await readdir(cwd)).toEqual(before);
});
