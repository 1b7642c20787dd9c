/** Opcodes of protocol 2. @see Lib/pickletools.py of CPython, which describes each. */
const OP = {
  protocol: 0x80,
  global: 0x63,
  emptyTuple: 0x29,
  mark: 0x28,
  tuple: 0x74,
  reduce: 0x52,
  unicode: 0x58,
  byte: 0x4b,
  int: 0x4a,
  long: 0x8a,
  false: 0x89,
  persistentId: 0x51,
  setItems: 0x75,
  stop: 0x2e,
} as const;

/** Writes Python objects as a pickle stack machine builds them, protocol 2, which every PyTorch reads. Nothing is memoized. */
export class PickleWriter {
  readonly #bytes: number[] = [OP.protocol, 2];

  /** The class or function `name` of a module. */
  global(module: string, name: string): this {
    return this.#push(OP.global, ...new TextEncoder().encode(`${module}\n${name}\n`));
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.#push(OP.unicode, ...int32(bytes.length), ...bytes);
  }

  /** @param value A whole number from 0 to 2^53 − 1. */
  integer(value: number): this {
    if (value < 2 ** 8) return this.#push(OP.byte, value);
    if (value < 2 ** 31) return this.#push(OP.int, ...int32(value));
    return this.#push(OP.long, 8, ...int32(value % 2 ** 32), ...int32(Math.floor(value / 2 ** 32)));
  }

  false(): this {
    return this.#push(OP.false);
  }

  /** A tuple of what `items` writes. */
  tuple(items: () => void): this {
    this.#push(OP.mark);
    items();
    return this.#push(OP.tuple);
  }

  emptyTuple(): this {
    return this.#push(OP.emptyTuple);
  }

  /** Calls what was written before the last tuple with it. */
  reduce(): this {
    return this.#push(OP.reduce);
  }

  /** What the reader finds outside of the pickle, by the last tuple. */
  persistentId(): this {
    return this.#push(OP.persistentId);
  }

  /** Sets keys and values, written in turn by `items`, in the dictionary before. */
  setItems(items: () => void): this {
    this.#push(OP.mark);
    items();
    return this.#push(OP.setItems);
  }

  finish(): Uint8Array {
    return Uint8Array.from([...this.#bytes, OP.stop]);
  }

  #push(...bytes: number[]): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }
}

const int32 = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
