import { checkState, layerPlan, RepvggError, sizeOf, stateLayout } from "@repvgg/core";
import { type Checkpoint, checkClasses, type SerializeOptions } from "./checkpoint.ts";
import { type Content, joined } from "./content.ts";
import { OWN_ENTRY, ownMetadata } from "./own-metadata.ts";
import { PickleWriter } from "./pickle-writer.ts";
import { storedArray } from "./stored-weights.ts";
import { nameInFile } from "./timm-name.ts";
import { type ZipEntry, zipContent } from "./write-zip.ts";

/** As PyTorch aligns storages, so that they can be mapped. */
const ALIGNMENT = 64;
/** Offsets of a zip archive without zip64. */
const MAX_BYTES = 2 ** 32 - 1;
/** A file name inside of the archive. */
const ROOT = "archive";

/**
 * A network's weights as `torch.save(model.state_dict(), file)` writes them: `torch.load(file, weights_only=True)` reads them, and
 * `load_state_dict(strict=True)` of the original implementation takes them.
 *
 * The spec, classes and preprocessing lie beside the pickle, where PyTorch does not look and {@link parseCheckpoint} does.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: classes do not fit, or it is above 4 GiB; `E_STATE`: the state does not fit the spec, or is not
 *   finite.
 * @see https://docs.pytorch.org/docs/stable/notes/serialization.html for the archive
 */
export function serializePth(checkpoint: Checkpoint, options?: SerializeOptions): Uint8Array {
  return joined(pthContent(checkpoint, options));
}

/** {@link serializePth} without the file in memory: for `writeFileAtomically`. The state is borrowed until it is written. */
export function pthContent(checkpoint: Checkpoint, { names = "original" }: SerializeOptions = {}): Content {
  const { spec, form, state } = checkpoint;
  const plan = layerPlan(spec, [1, 1]);
  checkState(plan, form, state);
  checkClasses(checkpoint, spec, "The checkpoint to export");
  const storages: ZipEntry[] = [];
  const pickle = new PickleWriter();
  pickle.global("collections", "OrderedDict").emptyTuple().reduce();
  pickle.setItems(() => {
    for (const { name, role } of stateLayout(plan, form)) {
      const counts = role === "numBatchesTracked";
      const { shape, read } = storedArray(state, name, counts ? "I64" : "F32");
      pickle.text(nameInFile(name, names));
      writeTensor(pickle, String(storages.length), counts ? "LongStorage" : "FloatStorage", shape);
      storages.push({ name: `${ROOT}/data/${storages.length}`, size: sizeOf(shape) * (counts ? 8 : 4), read });
    }
  });
  const size = storages.reduce((sum, { size }) => sum + size + 1024, 0);
  if (size > MAX_BYTES) {
    throw new RepvggError("E_CHECKPOINT", `A .pth file holds at most 4 GiB here; the weights need ${size} bytes.`);
  }
  const entry = (name: string, bytes: Uint8Array): ZipEntry => ({
    name: `${ROOT}/${name}`,
    size: bytes.length,
    read: () => bytes,
  });
  const text = (name: string, content: string) => entry(name, new TextEncoder().encode(content));
  return zipContent(
    [
      entry("data.pkl", pickle.finish()),
      text("byteorder", "little"),
      ...storages,
      text("version", "3\n"),
      text(OWN_ENTRY, ownMetadata(checkpoint)),
    ],
    ALIGNMENT,
  );
}

/** `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`. */
function writeTensor(pickle: PickleWriter, key: string, type: string, shape: readonly number[]): void {
  const integers = (values: readonly number[]) =>
    pickle.tuple(() => {
      for (const value of values) pickle.integer(value);
    });
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.tuple(() => {
    pickle.tuple(() => {
      pickle.text("storage").global("torch", type).text(key).text("cpu").integer(sizeOf(shape));
    });
    pickle.persistentId().integer(0);
    integers(shape);
    integers(shape.map((_, axis) => sizeOf(shape.slice(axis + 1))));
    pickle.false().global("collections", "OrderedDict").emptyTuple().reduce();
  });
  pickle.reduce();
}
