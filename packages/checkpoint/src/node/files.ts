import { readFile } from "node:fs/promises";
import { type NdArray, RepvggError } from "@repvgg/core";
import {
  type Checkpoint,
  checkpointContent,
  type LoadedCheckpoint,
  type OpenCheckpoint,
  type ReadOptions,
  readCheckpoint,
} from "../checkpoint.ts";
import { readOnnx } from "../onnx-read.ts";
import { parseTensors, serializeTensors, type Tensors } from "../tensors.ts";
import { fileSource } from "./file-source.ts";
import { writeFileAtomically } from "./write-file-atomically.ts";

/**
 * Writes a network as a safetensors file that the original PyTorch implementation loads; see `serializeCheckpoint`. Tensors are
 * converted and written one by one: the file is never in memory as a whole.
 *
 * @throws {RepvggError} `E_CHECKPOINT` or `E_STATE`; an earlier file of this name is then still there, unchanged.
 */
export async function saveCheckpoint(file: string, checkpoint: Checkpoint): Promise<void> {
  await writeFileAtomically(file, checkpointContent(checkpoint));
}

/**
 * Reads a network; see `parseCheckpoint`. Tensors are read one by one: the file is never in memory as a whole.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: the file cannot be read, is damaged, or does not hold a RepVGG.
 */
export function loadCheckpoint(file: string, options: ReadOptions = {}): Promise<LoadedCheckpoint> {
  return reading(file, async () => readCheckpoint(fileSource(file), file, options, "in memory"));
}

/**
 * {@link loadCheckpoint} for networks that are large beside the memory: the weights are checked, but stay in the file, and an array of the
 * state is read each time that its `data` are asked for. Making a network from it takes no more memory than the network.
 *
 * The file must stay as it is while the checkpoint is used. A file before PyTorch 1.6 is in memory all the same, and a tensor that is
 * compressed is from its first use on.
 *
 * @throws {RepvggError} as {@link loadCheckpoint}; the arrays, `E_CHECKPOINT`: the file was changed.
 */
export function openCheckpoint(file: string, options: ReadOptions = {}): Promise<OpenCheckpoint> {
  return reading(file, async () => readCheckpoint(fileSource(file), file, options, "in the file"));
}

/** {@link openCheckpoint} of an ONNX file that this program wrote; see `parseOnnx`. */
export function openOnnx(file: string): Promise<OpenCheckpoint> {
  return reading(file, async () => readOnnx(fileSource(file), file, "in the file"));
}

/** Writes named arrays, axes as they are. @throws {RepvggError} `E_CHECKPOINT`: the file cannot be written. */
export async function saveTensors(
  file: string,
  tensors: ReadonlyMap<string, NdArray>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await writeFileAtomically(file, serializeTensors(tensors, metadata));
}

/** Reads named arrays as float32, axes as they are. @throws {RepvggError} `E_CHECKPOINT`: it cannot be read or is damaged. */
export async function loadTensors(file: string): Promise<Tensors> {
  return parseTensors(await read(file), file);
}

const read = (file: string): Promise<Uint8Array> => reading(file, () => readFile(file));

/** Errors of the file system as ours. */
async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof RepvggError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const reason =
      code === "ENOENT"
        ? "there is no such file. Check the path."
        : code === "EISDIR"
          ? "it is a folder. Give the file in it."
          : `${message}.`;
    throw new RepvggError("E_CHECKPOINT", `${file} cannot be read: ${reason}`, { cause });
  }
}
