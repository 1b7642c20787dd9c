import type { Dtype } from "../dtypes.ts";

/** What a pickle can hold, as far as we understand it. Lists are arrays. Nothing here does anything. */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyValue[]
  | PyTuple
  | PyDict
  | PyGlobal
  | PyObject
  | TorchStorage
  | TorchTensor;

export class PyTuple {
  readonly items: readonly PyValue[];

  constructor(items: readonly PyValue[]) {
    this.items = items;
  }
}

/** A dict or one of its kinds. Pairs as they were written: a key can be there twice. */
export class PyDict {
  readonly pairs: [key: PyValue, value: PyValue][] = [];
}

/** The name of a class or function. */
export class PyGlobal {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What a call of something that we do not know would have given: inert. */
export class PyObject {
  /** What would have been called: `argparse.Namespace`, `posix.system`. */
  readonly of: string;

  constructor(of: string) {
    this.of = of;
  }
}

/** The memory of one or more tensors. */
export interface TorchStorage {
  readonly kind: "storage";
  /** `torch.FloatStorage` */
  readonly type: string;
  /** Undefined for types that we do not read. */
  readonly dtype: Dtype | undefined;
  readonly bytesPerElement: number;
  /** Its name in the file. */
  readonly key: string;
  /** Elements that the file says it has. */
  readonly length: number;
  /** Where a view into another storage begins, in elements; only very old files have any. */
  readonly begin: number;
}

/** A view into a storage; offset and strides in elements. */
export interface TorchTensor {
  readonly kind: "tensor";
  readonly storage: TorchStorage;
  readonly type: string;
  readonly dtype: Dtype | undefined;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export const isTensor = (value: PyValue | undefined): value is TorchTensor =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "tensor";

export const isStorage = (value: PyValue | undefined): value is TorchStorage =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "storage";

/** What a value is, for messages. */
export function describe(value: PyValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (value instanceof PyObject) return `a Python object made by ${shown(value.of)}`;
  if (value instanceof PyGlobal) return `the Python name ${shown(value.name)}`;
  if (value instanceof PyDict) return "a dict";
  if (value instanceof PyTuple) return "a tuple";
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return `a ${value.kind}`;
  return typeof value === "string" ? "a string" : typeof value === "boolean" ? "a boolean" : "a number";
}

/** A name from a file as it can stand in a message: not too long, one line. */
export function shown(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  const line = name.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}
