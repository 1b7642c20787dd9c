import { RESERVED_BYTES } from "./operations.ts";

const ALIGNMENT = 64;
const align = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** A region whose content is fixed when the network is made: an offset table. Built late, so that planning stays cheap. */
export interface Constant {
  readonly address: number;
  readonly content: () => Int32Array;
}

/**
 * Where everything lies in the linear memory: a bump allocator that runs before any memory exists.
 *
 * Addresses are 64-byte aligned. Fresh memory is zero, which the borders of padded activations rely on.
 */
export class MemoryPlan {
  readonly constants: Constant[] = [];
  readonly #sharedBytes: ReadonlyMap<string, number>;
  readonly #shared = new Map<string, number>();
  readonly #tables = new Map<string, number>();
  readonly requested = new Map<string, number>();
  #top = RESERVED_BYTES;

  /** @param sharedBytes Sizes of the shared buffers, from an earlier pass. */
  constructor(sharedBytes: ReadonlyMap<string, number> = new Map()) {
    this.#sharedBytes = sharedBytes;
  }

  get bytes(): number {
    return this.#top;
  }

  /** A region of its own. */
  allocate(bytes: number): number {
    const address = this.#top;
    this.#top += align(bytes);
    return address;
  }

  /** A buffer that all calls with this name share, as large as the largest of them asks for. */
  shared(name: string, bytes: number): number {
    this.requested.set(name, Math.max(bytes, this.requested.get(name) ?? 0));
    return this.#once(this.#shared, name, () => this.allocate(this.#sharedBytes.get(name) ?? bytes));
  }

  /** A constant table of `length` 32-bit integers; the same key gives the same table. */
  table(key: string, length: number, entry: (index: number) => number): number {
    return this.#once(this.#tables, key, () => {
      const address = this.allocate(length * 4);
      this.constants.push({ address, content: () => Int32Array.from({ length }, (_, i) => entry(i)) });
      return address;
    });
  }

  #once(map: Map<string, number>, key: string, make: () => number): number {
    const known = map.get(key);
    if (known !== undefined) return known;
    const address = make();
    map.set(key, address);
    return address;
  }
}

/** Runs `compile` twice: once to learn how large the shared buffers must be, once to place everything. */
export function planMemory<T>(compile: (memory: MemoryPlan) => T): { memory: MemoryPlan; result: T } {
  const measuring = new MemoryPlan();
  compile(measuring);
  const memory = new MemoryPlan(measuring.requested);
  return { memory, result: compile(memory) };
}
