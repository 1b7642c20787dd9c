import { f32x4, type Kernel, kernel, range, update, VECTOR_BYTES, v128 } from "./wasm-builder.ts";

const ROWS = 6;

/**
 * One loop of products twice: `packed` stores its pairs side by side, so that V8 can pack them into 256 bits, `plain` does not.
 * Where packing works, `packed` takes about half of the time.
 */
export function probeKernel(name: "packed" | "plain"): Kernel {
  const apart = name === "packed" ? VECTOR_BYTES : 2 * VECTOR_BYTES;
  return kernel(name, ["address", "turns"], (f, [address, turns]) => {
    const sums = range(ROWS).map(() => range(2).map(() => f.v128(f32x4.zero())));
    const position = f.i32(address);
    f.doWhile(
      () => {
        const values = range(2).map((j) => f.v128(v128.load(position, j * VECTOR_BYTES)));
        sums.forEach((row, i) => {
          const x = f.v128(v128.loadSplat(position, 4 * i));
          update(row, (sum, j) => f32x4.multiplyAdd(x, values[j]!, sum, false));
        });
        position.add(2 * VECTOR_BYTES);
        turns.add(-1);
      },
      () => turns,
    );
    sums.forEach(([low, high], i) => {
      f.do(v128.store(position, high!, i * 64 + apart));
      f.do(v128.store(position, low!, i * 64));
    });
  });
}
