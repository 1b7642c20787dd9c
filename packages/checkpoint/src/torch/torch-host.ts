import type { Fail } from "../byte-source.ts";
import { DTYPE_BYTES, type Dtype } from "../dtypes.ts";
import {
  describe,
  isStorage,
  isTensor,
  PyDict,
  PyGlobal,
  PyObject,
  PyTuple,
  type PyValue,
  shown,
  type TorchStorage,
  type TorchTensor,
} from "./py-values.ts";
import type { PickleHost } from "./unpickle.ts";

const STORAGES: Readonly<Record<string, Dtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
  UntypedStorage: "U8",
};
/** Their tensors are not read, but in old files one must know their size to get past them. */
const FOREIGN_STORAGES: Readonly<Record<string, number>> = {
  ComplexDoubleStorage: 16,
  ComplexFloatStorage: 8,
  QInt32Storage: 4,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
};
const DTYPES: Readonly<Record<string, Dtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};
const MAX_RANK = 64;

/**
 * What PyTorch's pickles may make: tensors, storages, dicts. This list is all; anything else becomes an inert {@link PyObject}.
 *
 * @param storages Filled with the storages that the pickle names, by key.
 */
export function torchHost(storages: Map<string, TorchStorage>, fail: Fail): PickleHost {
  const damaged = (why: string): never => fail(`is damaged: ${why}.`);

  const call = (target: PyValue, args: readonly PyValue[]): PyValue => {
    if (!(target instanceof PyGlobal)) return new PyObject(target instanceof PyObject ? target.of : describe(target));
    switch (target.name) {
      case "collections.OrderedDict":
      case "collections.defaultdict":
        return dictOf(args[0]);
      case "torch.Size":
        return args[0] instanceof PyTuple ? args[0] : new PyTuple([]);
      case "torch._utils._rebuild_tensor":
      case "torch._utils._rebuild_tensor_v2":
        return tensorOf(args);
      case "torch._utils._rebuild_tensor_v3": // (…, dtype, metadata): the storage has no type
        return tensorOf(args, args[6]);
      case "torch._utils._rebuild_parameter":
      case "torch._utils._rebuild_parameter_with_state":
        return isTensor(args[0]) ? args[0] : new PyObject(target.name);
      case "torch._tensor._rebuild_from_type_v2": // a tensor with attributes: (function, type, arguments, attributes)
        return args[2] instanceof PyTuple && args[0] instanceof PyGlobal && args[0].name !== target.name
          ? call(args[0], args[2].items)
          : new PyObject(target.name);
      default:
        return new PyObject(target.name);
    }
  };

  const tensorOf = ([storage, offset, shape, strides]: readonly PyValue[], type?: PyValue): TorchTensor => {
    if (!isStorage(storage)) return damaged(`a tensor has ${describe(storage)} as its storage`);
    const sizes = wholeNumbers(shape);
    const steps = wholeNumbers(strides);
    if (!isWhole(offset) || !sizes || !steps || sizes.length !== steps.length || sizes.length > MAX_RANK) {
      return damaged("a tensor has an offset, a shape or strides that are none");
    }
    if (type === undefined) {
      return {
        kind: "tensor",
        storage,
        type: storage.type,
        dtype: storage.dtype,
        offset,
        shape: sizes,
        strides: steps,
      };
    }
    const name = type instanceof PyGlobal ? type.name : describe(type);
    const dtype = own(DTYPES, /^torch\.(\w+)$/.exec(name)?.[1]);
    return { kind: "tensor", storage, type: name, dtype, offset, shape: sizes, strides: steps };
  };

  const persistent = (id: PyValue): PyValue => {
    const [kind, type, key, , length, view] =
      typeof id === "string" ? parts(id) : id instanceof PyTuple ? id.items : [];
    if (kind !== "storage" || typeof key !== "string" || !isWhole(length)) {
      return damaged("it refers to something outside the pickle that is no storage");
    }
    const name = type instanceof PyGlobal ? type.name : describe(type);
    const short = /^torch\.(?:cuda\.|storage\.)?(\w+)$/.exec(name)?.[1];
    const dtype = own(STORAGES, short);
    const bytesPerElement = dtype ? DTYPE_BYTES[dtype] : own(FOREIGN_STORAGES, short);
    if (bytesPerElement === undefined) return fail(`has a storage of the type ${shown(name)}, which is not known.`);
    const storage: TorchStorage = { kind: "storage", type: name, dtype, bytesPerElement, key, length, begin: 0 };
    const known = storages.get(key);
    if (known && (known.bytesPerElement !== bytesPerElement || known.length !== length)) {
      return damaged(`it describes the storage ${shown(key)} in two ways`);
    }
    storages.set(key, known ?? storage);
    if (!(view instanceof PyTuple)) return storage;
    const [, begin, viewed] = view.items; // before 0.4: a part of the storage
    if (!isWhole(begin) || !isWhole(viewed) || begin + viewed > length) {
      return damaged(`a view reaches past the storage ${shown(key)}`);
    }
    return { ...storage, begin, length: viewed };
  };

  return { call, persistent };
}

/** An OrderedDict as Python 2 wrote it has its items as its argument. */
function dictOf(items: PyValue | undefined): PyDict {
  const dict = new PyDict();
  for (const item of Array.isArray(items) ? items : []) {
    const [key, value] = Array.isArray(item) ? item : item instanceof PyTuple ? item.items : [];
    if (key !== undefined && value !== undefined) dict.pairs.push([key, value]);
  }
  return dict;
}

/** Protocol 0 writes the storage's description as text: `('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 4)`. */
function parts(text: string): PyValue[] {
  const [, type, key, device, length] =
    /^\('storage', <class '([\w.]+)'>, '([^']*)', '([^']*)', (\d{1,15})(?:, None)?\)$/.exec(text) ?? [];
  return type === undefined ? [] : ["storage", new PyGlobal(type), key!, device!, Number(length)];
}

const own = <T>(table: Readonly<Record<string, T>>, name: string | undefined): T | undefined =>
  name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;

const isWhole = (value: PyValue | undefined): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function wholeNumbers(value: PyValue | undefined): readonly number[] | undefined {
  const items = value instanceof PyTuple ? value.items : Array.isArray(value) ? value : [null];
  return items.every(isWhole) ? items : undefined;
}
