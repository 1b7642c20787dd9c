import { type NdArray, stateValue } from "@repvgg/core";
import { type ByteSource, type Fail, failureOf } from "./byte-source.ts";
import { type Dtype, fromFloat32 } from "./dtypes.ts";
import { fileShape, toFileLayout } from "./file-layout.ts";
import { looksLikeSafetensors, openSafetensors } from "./read-safetensors.ts";
import { readTorch, type TorchOptions } from "./torch/read-torch.ts";

/** A tensor of a file: checked and not read yet, or converted and not written yet. */
export interface StoredTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row-major, little-endian; borrowed until another tensor is read. */
  read(): Uint8Array;
  /** Bytes `begin` to `end` of the same, where they can be had without the others; borrowed likewise. */
  readonly readPart?: ((begin: number, end: number) => Uint8Array) | undefined;
}

export interface StoredWeights {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether they are the moving average. @default false */
  readonly averaged?: boolean;
}

/**
 * An array of a state as files have it, asked for and converted when it is read: of a large network, one array at a time is in memory.
 *
 * @param state Borrowed, unchanged until it is written.
 * @throws {RepvggError} `E_STATE`: there is none of that name; `E_CHECKPOINT`: int64 is wanted, and a value is no whole number.
 */
export function storedArray(state: ReadonlyMap<string, NdArray>, name: string, dtype: "F32" | "I64"): StoredTensor {
  const shape = fileShape(stateValue(state, name).shape);
  const content = () => toFileLayout(stateValue(state, name)).data;
  if (dtype === "F32") return { dtype, shape, read: () => fromFloat32(content(), dtype) };
  const bytes = fromFloat32(content(), dtype); // A counter; what is wrong with it shows before anything is written.
  return { dtype, shape, read: () => bytes };
}

/** The first number of PyTorch's files before 1.6, as pickles of protocol 0 and 1 have it. */
const LEGACY_TEXT = "L119547037146038801333356L";

/**
 * Reads the weights of a file, whose format is recognised from its content: safetensors, or PyTorch's zip or legacy format.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: it is of another format, or damaged.
 */
export function readWeights(source: ByteSource, file: string, options?: TorchOptions): StoredWeights {
  if (source.size === 0) failureOf(file)("is empty, 0 bytes. Copy or download it again.");
  const head = source.read(0, Math.min(source.size, 512));
  if (!looksLikeSafetensors(head)) {
    const text = new TextDecoder("latin1").decode(head);
    if (isTorch(head, text)) return readTorch(source, file, options);
    refuseForeign(head, text, failureOf(file));
  }
  if (options?.ema === true)
    failureOf(file)('has no averaged weights: a safetensors file holds one set. Read it without "ema".');
  return openSafetensors(source, file);
}

function isTorch(head: Uint8Array, text: string): boolean {
  return text.startsWith("PK\u0003\u0004") || head[0] === 0x80 || text.startsWith(LEGACY_TEXT);
}

/** Files that users give in place of checkpoints. */
function refuseForeign(head: Uint8Array, text: string, fail: Fail): void {
  const read = "PyTorch (.pth, .pt) and safetensors files are read";
  if (head[0] === 0x89 && text.startsWith("HDF\r\n", 1)) fail(`is an HDF5 file, perhaps a Keras model (.h5): ${read}.`);
  if (/^\s*(\u00ef\u00bb\u00bf)?<(!doctype|html|\?xml)/i.test(text)) {
    fail("is a web page: its address was saved and not the file. Download the file itself.");
  }
  if (text.startsWith("version https://git-lfs")) {
    fail("is a pointer of Git LFS, not the file. Fetch it with git lfs pull.");
  }
  if (head[0] === 0x1f && head[1] === 0x8b) fail(`is a gzip archive: ${read}. Unpack it first.`);
  if (text.slice(257, 262) === "ustar") fail(`is a tar archive: ${read}. Unpack it first.`);
  if (text.startsWith("PK\u0005\u0006")) fail("is an empty zip archive.");
  // A protobuf message whose first field is a small number, the version, and whose next one is text or a message.
  const isProtobuf = head[0] === 0x08 && head[1]! < 0x40 && [0x12, 0x1a, 0x22, 0x3a].includes(head[2]!);
  if (isProtobuf) fail(`is an ONNX model: ${read}.`);
}
