import { type FunctionBuilder, type Kernel, kernel, type Local, v128 } from "./wasm-builder.ts";

/**
 * Float constants in the memory's reserved part.
 *
 * V8 builds a constant vector with seven instructions at every use in 256-bit code; a load-and-splat is one.
 */
export class ConstantTable {
  readonly #values: number[] = [];
  readonly #address: number;
  readonly #capacity: number;

  constructor(address: number, bytes: number) {
    this.#address = address;
    this.#capacity = bytes / 4;
  }

  /** Where `value`, rounded to float32, is stored. */
  addressOf(value: number): number {
    const rounded = Math.fround(value);
    let index = this.#values.findIndex((known) => Object.is(known, rounded));
    if (index < 0) index = this.#values.push(rounded) - 1;
    if (index >= this.#capacity)
      throw new Error(`The constant table holds ${this.#capacity} floats; enlarge it in memory-map.ts.`);
    return this.#address + index * 4;
  }

  /** A function that loads each constant once, where it is first used: one a basic block. */
  loader(f: FunctionBuilder): (value: number) => Local<"v128"> {
    const loaded = new Map<number, Local<"v128">>();
    return (value) => {
      const address = this.addressOf(value);
      const local = loaded.get(address) ?? f.v128(v128.loadSplat(0, address));
      loaded.set(address, local);
      return local;
    };
  }

  /** The function that writes the table: build it last. */
  initKernel(): Kernel {
    const stores = this.#values.map((value, i) => {
      const bits = new Int32Array(new Float32Array([value]).buffer)[0]!;
      return {
        type: "statement" as const,
        wat: `(i32.store (i32.const ${this.#address + i * 4}) (i32.const ${bits}))`,
      };
    });
    return kernel("init", [], (f) => {
      for (const store of stores) f.do(store);
    });
  }
}
