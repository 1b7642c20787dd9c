import { watch } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { saveCheckpoint } from "@repvgg/checkpoint/node";
import { findVariant, initialState } from "@repvgg/core";
import { beforeAll, expect, it } from "vitest";
import { commandInFolder, start } from "./test-cli.ts";

const command = commandInFolder();
const { at } = command;
beforeAll(async () => {
  const { spec } = findVariant("a0"); // 33 MB: writing takes long enough to be interrupted
  await saveCheckpoint(at("a0.safetensors"), { spec, form: "train", state: initialState(spec, 1) });
  await writeFile(at("out.safetensors"), "before");
});

it.each([
  ["SIGINT", ["fuse", "a0.safetensors", "out.safetensors"]],
  ["SIGTERM", ["export", "a0.safetensors", "out.pth"]],
  ["SIGINT", ["export", "a0.safetensors", "web", "--format", "tfjs"]],
] as const)("%s during %j leaves nothing", async (signal, args) => {
  const before = await readdir(command.cwd);
  const { child, outcome } = start([...args, "--image-size", "32", "--random-images", "1"], command);
  const watcher = watch(command.cwd, (_, name) => name?.startsWith(".") && child.kill(signal));
  const { stdout } = await outcome;
  watcher.close();
  expect({ stdout, signal: child.signalCode }).toEqual({ stdout: "", signal });
  expect(await readdir(command.cwd)).toEqual(before);
});
