import { sizeOf } from "@repvgg/core";
import { type ByteSource, type Fail, failureOf } from "../byte-source.ts";
import { DTYPE_BYTES } from "../dtypes.ts";
import { OWN_ENTRY, OWN_METADATA } from "../own-metadata.ts";
import type { StoredTensor, StoredWeights } from "../stored-weights.ts";
import { type AverageChoice, findWeights } from "./find-weights.ts";
import { describe, PyDict, type PyValue, shown, type TorchStorage } from "./py-values.ts";
import { readZip } from "./read-zip.ts";
import { checkTensor } from "./tensor-bytes.ts";
import { torchHost } from "./torch-host.ts";
import { unpickle } from "./unpickle.ts";

export interface TorchOptions {
  /**
   * Takes the moving average of the weights (`state_dict_ema`, `model_ema`) that a training kept; `"if any"`: where there is one.
   * @default false
   */
  ema?: AverageChoice;
}

/** What a file's pickle holds, and where its storages lie. */
interface Contents {
  readonly value: PyValue;
  readonly bigEndian: boolean;
  /** Bytes that tensors may take together. */
  readonly budget: number;
  /** What this program wrote beside the pickle. */
  readonly own?: string | undefined;
  storageSize(key: string): number | undefined;
  readStorage(key: string, begin: number, end: number): Uint8Array;
}

const MAX_PICKLE_BYTES = 2 ** 28;
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
/** Tensors may share a storage, but together they must not be much more than the file. */
const SHARING = 2;
const UNPACKING = 16;
const ALWAYS_ALLOWED = 2 ** 20;

/**
 * Reads the weights of a PyTorch file (.pth, .pt), of the zip format or the one before 1.6. Nothing in it is executed.
 *
 * @param source Borrowed; tensors are read from it when they are asked for.
 * @throws {RepvggError} `E_CHECKPOINT`: it is damaged, has no weights, or has something else among them.
 * @see https://pytorch.org/docs/stable/notes/serialization.html
 */
export function readTorch(source: ByteSource, file: string, { ema = false }: TorchOptions = {}): StoredWeights {
  const fail = failureOf(file);
  const isZip = source.size > 1 && source.read(0, 2)[0] === 0x50;
  const contents = isZip ? readZipped(source, fail) : readLegacy(source, fail);
  const { tensors, metadata, averaged } = findWeights(contents.value, ema, fail);
  const checked = new Map<string, StoredTensor>();
  let total = 0;
  for (const [name, tensor] of tensors) {
    const { key } = tensor.storage;
    const read = (begin: number, end: number) => contents.readStorage(key, begin, end);
    const stored = checkTensor(name, tensor, contents.storageSize(key), read, contents.bigEndian, fail);
    total += sizeOf(stored.shape) * DTYPE_BYTES[stored.dtype];
    checked.set(name, stored);
  }
  if (total > contents.budget) {
    fail(`is refused: its ${source.size} bytes would become tensors of ${total} bytes, which share what they have.`);
  }
  const { own } = contents;
  return { tensors: checked, metadata: own === undefined ? metadata : { ...metadata, [OWN_METADATA]: own }, averaged };
}

function readZipped(source: ByteSource, fail: Fail): Contents {
  const zip = readZip(source, fail);
  const pickle = zip.names.find((name) => /^([^/]*\/)?data\.pkl$/.test(name));
  if (pickle === undefined) return failForeign(zip.names, fail);
  const folder = pickle.slice(0, -"data.pkl".length);
  if (zip.sizeOf(`${folder}constants.pkl`) !== undefined) {
    fail("is a TorchScript archive, which is a program. Save the network's state_dict() with torch.save.");
  }
  if (zip.sizeOf(pickle)! > MAX_PICKLE_BYTES) fail(`has a pickle of ${zip.sizeOf(pickle)} bytes: it is refused.`);
  const order = `${folder}byteorder`;
  const bigEndian = zip.sizeOf(order) === 3 && new TextDecoder().decode(zip.read(order)) === "big";
  const { value } = unpickle(zip.read(pickle), 0, torchHost(new Map(), fail), fail);
  const own = folder + OWN_ENTRY;
  return {
    value,
    own: zip.sizeOf(own) === undefined ? undefined : new TextDecoder().decode(zip.read(own)),
    bigEndian,
    budget: Math.max(ALWAYS_ALLOWED, (zip.stored ? SHARING : UNPACKING) * source.size),
    storageSize: (key) => zip.sizeOf(`${folder}data/${key}`),
    readStorage: (key, begin, end) => zip.read(`${folder}data/${key}`, begin, end),
  };
}

function failForeign(names: readonly string[], fail: Fail): never {
  if (names.includes("config.json") && names.some((name) => name.endsWith(".h5"))) {
    return fail("is a Keras model (.keras): only PyTorch and safetensors files are read.");
  }
  const inner = names.find((name) => /\.(pth|pt|safetensors|tar)$/i.test(name));
  if (inner !== undefined) return fail(`is a zip archive with ${shown(inner)} in it. Unpack it first.`);
  return fail("is a zip archive, but no PyTorch file: there is no data.pkl in it.");
}

/** Pickles one after another: a magic number, a version, the machine, the value, the storages' names; then the storages. */
function readLegacy(source: ByteSource, fail: Fail): Contents {
  const bytes = source.read(0, source.size);
  const storages = new Map<string, TorchStorage>();
  const host = torchHost(storages, fail);
  const magic = unpickle(bytes, 0, host, fail);
  if (magic.value !== LEGACY_MAGIC) {
    fail(`is a Python pickle of ${describe(magic.value)}, but no PyTorch file. Save the weights with torch.save.`);
  }
  const version = unpickle(bytes, magic.end, host, fail);
  if (version.value !== LEGACY_PROTOCOL) fail(`is an old PyTorch file of a version that is not known.`);
  const machine = unpickle(bytes, version.end, host, fail);
  const main = unpickle(bytes, machine.end, host, fail);
  const keys = unpickle(bytes, main.end, host, fail);
  const places = storagePlaces(bytes, keys.value, keys.end, storages, fail);
  const little =
    machine.value instanceof PyDict ? machine.value.pairs.find(([key]) => key === "little_endian") : undefined;
  return {
    value: main.value,
    bigEndian: little?.[1] === false,
    budget: Math.max(ALWAYS_ALLOWED, SHARING * source.size),
    storageSize: (key) => places.get(key)?.length,
    readStorage: (key, begin, end) => places.get(key)!.subarray(begin, end),
  };
}

function storagePlaces(
  bytes: Uint8Array,
  keys: PyValue,
  start: number,
  storages: ReadonlyMap<string, TorchStorage>,
  fail: Fail,
): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = new Map<string, Uint8Array>();
  let at = start;
  if (!Array.isArray(keys)) return fail("is damaged: the list of its storages is missing.");
  for (const key of keys) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined) return fail("is damaged: it lists a storage that no tensor has.");
    if (at + 8 > bytes.length) return fail("is cut short: storages are missing. Copy or download it again.");
    const length = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    const end = at + 8 + length * storage.bytesPerElement;
    if (end > bytes.length) {
      return fail(`is cut short: storage ${shown(storage.key)} ends at byte ${end}, of ${bytes.length}.`);
    }
    places.set(storage.key, bytes.subarray(at + 8, end));
    at = end;
  }
  return places;
}
