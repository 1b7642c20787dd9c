import { defineSpec, initialState, layerPlan } from "@repvgg/core";
import { compileTraining } from "../src/compile.ts";
import { enableWideKernels } from "../src/index.ts";
import { writeState } from "../src/parameters.ts";
import { Runtime } from "../src/runtime.ts";

if (process.env.WIDE !== "0") enableWideKernels();
const which = process.argv[2] ?? "teacher";
const nets = {
  teacher: [
    defineSpec({
      numBlocks: [1, 1, 2, 1],
      widthMultiplier: [0.25, 0.25, 0.25, 0.25],
      strides: [1, 2, 2, 2, 2],
      numClasses: 10,
    }),
    28,
    128,
  ],
  student: [
    defineSpec({
      numBlocks: [1, 1, 1, 1],
      widthMultiplier: [0.0625, 0.0625, 0.0625, 0.0625],
      strides: [1, 2, 2, 2, 2],
      numClasses: 10,
    }),
    28,
    128,
  ],
  a0: [defineSpec({ numBlocks: [2, 4, 14, 1], widthMultiplier: [0.75, 0.75, 0.75, 2.5] }), 64, 32],
};
const [spec, size, batch] = nets[which];
const plan = layerPlan(spec, [size, size]);
const threads = +(process.argv[3] ?? 1);
const { memory, result } = compileTraining(plan, batch, threads);
const rt = await Runtime.create(memory, threads);
writeState(rt.floats, result.parameters, initialState(spec, 1));
const s = result.buffers.staging / 4;
for (let i = 0; i < batch * size * size * 3; i++) rt.floats[s + i] = Math.random();
const g = result.inputs.logitsGradient / 4;
for (let n = 0; n < batch; n++)
  for (let c = 0; c < spec.numClasses; c++)
    rt.floats[g + n * Math.ceil(spec.numClasses / 16) * 16 + c] = (Math.random() - 0.5) / batch;
rt.floats.set([0.01, 0.9, 1e-4, 0, 0.01, 0.9, 0, 0], result.inputs.settings / 4);
const rows = [];
const R = 12;
for (const name of ["forward", "backward", "update"]) {
  const p = result.programs[name];
  const best = new Array(p.calls).fill(Infinity);
  for (let r = 0; r < R; r++)
    for (let i = 0; i < p.calls; i++) {
      const t = performance.now();
      rt.run({ ...p, address: p.address + i * 128, calls: 1 });
      best[i] = Math.min(best[i], performance.now() - t);
    }
  p.program.calls.forEach((c, i) =>
    rows.push([
      name,
      c.operation,
      c.units,
      best[i],
      Object.entries(c.args)
        .filter(([k]) => /rows|panels|runFloats|^runs|channels|tiles$|height|width|lines|outputC/.test(k))
        .map(([k, v]) => k + "=" + v)
        .join(" "),
    ]),
  );
}
const by = {};
let total = 0;
for (const [n, op, , ms] of rows) {
  by[op] = (by[op] ?? 0) + ms;
  total += ms;
}
console.log("memory MB", (memory.bytes / 1e6).toFixed(0), "sum of best", total.toFixed(2));
for (const [k, v] of Object.entries(by).sort((a, b) => b[1] - a[1])) console.log(k.padEnd(26), v.toFixed(2));
if (process.env.ROWS)
  for (const r of rows.sort((a, b) => b[3] - a[3]).slice(0, +process.env.ROWS))
    console.log(r[0], r[1], r[2], r[3].toFixed(3), r[4]);
rt.dispose();
