import { deflateSync } from "fflate";

/** A file to be put into an archive, and what the archive is to say about it that is not so. */
export interface TestEntry {
  name: string;
  data: Uint8Array;
  deflate?: boolean;
  /** Unpacked size that the directory gives. */
  saidSize?: number;
  flags?: number;
  method?: number;
  localName?: string;
}

/** A zip archive put together by hand, right or wrong; `wide` with 64-bit sizes and directory. */
export function zipOf(entries: readonly TestEntry[], wide = false): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const add = (bytes: Uint8Array) => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const {
    name,
    data,
    deflate,
    saidSize = data.length,
    flags = 0,
    method = deflate ? 8 : 0,
    localName,
  } of entries) {
    const packed = deflate ? deflateSync(data) : data;
    const start = at;
    const local = text(localName ?? name);
    add(
      numbers(
        [4, 0x04034b50],
        [2, 20],
        [2, flags],
        [2, method],
        [4, 0],
        [4, 0],
        [4, 0],
        [4, 0],
        [2, local.length],
        [2, 0],
      ),
    );
    add(local);
    add(packed);
    const size = wide ? 0xffffffff : saidSize;
    const extra = wide ? numbers([2, 1], [2, 24], [8, saidSize], [8, packed.length], [8, start]) : new Uint8Array();
    directory.push(
      numbers([4, 0x02014b50], [2, 20], [2, 20], [2, flags], [2, method], [4, 0], [4, 0]),
      numbers([4, wide ? 0xffffffff : method === 0 ? saidSize : packed.length], [4, size], [2, text(name).length]),
      numbers([2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, wide ? 0xffffffff : start]),
      text(name),
      extra,
    );
  }
  const start = at;
  for (const bytes of directory) add(bytes);
  const size = at - start;
  const count = entries.length;
  if (wide) {
    const end = at;
    add(
      numbers(
        [4, 0x06064b50],
        [8, 44],
        [2, 45],
        [2, 45],
        [4, 0],
        [4, 0],
        [8, count],
        [8, count],
        [8, size],
        [8, start],
      ),
    );
    add(numbers([4, 0x07064b50], [4, 0], [8, end], [4, 1]));
  }
  const said = wide ? { count: 0xffff, size: 0xffffffff, start: 0xffffffff } : { count, size, start };
  add(numbers([4, 0x06054b50], [4, 0], [2, said.count], [2, said.count], [4, said.size], [4, said.start], [2, 0]));
  const bytes = new Uint8Array(at);
  let to = 0;
  for (const part of parts) {
    bytes.set(part, to);
    to += part.length;
  }
  return bytes;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Little-endian numbers, each with its width in bytes. */
function numbers(...fields: [width: number, value: number][]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([width, value]) => Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) % 256)),
  );
}

/** A pickle of one tensor "a", in protocol 0 and 2. */
export function tensorPickle(of: {
  shape: readonly number[];
  strides: readonly number[];
  offset?: number;
  length?: number;
  type?: string;
  names?: readonly string[];
}): Uint8Array {
  const { shape, strides, offset = 0, length = 4, type = "FloatStorage", names = ["a"] } = of;
  const tuple = (values: readonly number[]) => `(${values.map((value) => `I${value}\n`).join("")}t`;
  const storage = `(Vstorage\nctorch\n${type}\nV0\nVcpu\nI${length}\ntQ`;
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}I${offset}\n${tuple(shape)}${tuple(strides)}I00\n(dtR`;
  return text(`(${names.map((name) => `V${name}\n${tensor}`).join("")}d.`);
}

/** A PyTorch file with that pickle and a storage of floats. */
export function torchFile(pickle: Uint8Array, storage = new Float32Array([1, 2, 3, 4])): Uint8Array {
  return zipOf([
    { name: "x/data.pkl", data: pickle },
    { name: "x/data/0", data: new Uint8Array(storage.buffer) },
  ]);
}
