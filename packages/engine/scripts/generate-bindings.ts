import { PANEL_BYTES } from "../kernels/gemm.kernel.ts";
import { MEMORY_MAP } from "../kernels/memory-map.ts";
import type { Variant } from "../kernels/variant.ts";
import { type Kernel, VECTOR_BYTES } from "../kernels/wasm-builder.ts";
import { CALL_RECORD, OPERATIONS } from "../src/operations.ts";
import { GATHERED_PANELS, WINOGRAD } from "../src/scratch.ts";

const capitalized = (name: string) => name[0]!.toUpperCase() + name.slice(1);
const parametersOf = (names: readonly string[]) => names.map((name) => `${name}: i32`).join(", ");

/** A class laid over the i32 words of a call record. */
const recordClass = (name: string, fields: readonly string[]) =>
  `@unmanaged export class ${name} { ${fields.map((field) => `${field}: i32;`).join(" ")} }`;

/** Declares kernels; those that differ in a number at the end also get one function that chooses by it. */
function kernelDeclarations(kernels: readonly Kernel[]): string[] {
  const lines = kernels.map(
    ({ name, parameters }) =>
      `@external("kernels", "${name}") export declare function ${name}(${parametersOf(parameters)}): void;`,
  );
  const families = Map.groupBy(
    kernels.filter(({ name }) => /\d$/.test(name)),
    ({ name }) => name.replace(/\d+$/, ""),
  );
  for (const [family, members] of families) {
    const { parameters } = members[0]!;
    const cases = members.map(
      ({ name }) => `case ${name.slice(family.length)}: ${name}(${parameters.join(", ")}); break;`,
    );
    lines.push(
      `export function ${family}(member: i32, ${parametersOf(parameters)}): void { switch (member) { ${cases.join(" ")} default: unreachable(); } }`,
    );
  }
  return lines;
}

/**
 * The AssemblyScript module `assembly/generated`: what the control flow shares with the host (operations, call records) and with
 * the kernels (their signatures, the memory map).
 */
export function generateBindings(variant: Variant, kernels: readonly Kernel[], minusInfinity: number): string {
  const constants = {
    CALL_BYTES: CALL_RECORD.bytes,
    CURRENT: MEMORY_MAP.current,
    LAUNCH: MEMORY_MAP.launch,
    STOP: MEMORY_MAP.stop,
    DONE: MEMORY_MAP.done,
    SHARES: MEMORY_MAP.shares,
    SLEEPERS: MEMORY_MAP.sleepers,
    ZEROS: MEMORY_MAP.zeros,
    MINUS_INFINITY: minusInfinity,
    PANEL_BYTES,
    TILE_BYTES: variant.vectors * VECTOR_BYTES,
    TILE_ROWS: variant.rows,
    GATHERED_PANELS,
    TILE_SCRATCH_BYTES: WINOGRAD.tileScratchBytes,
    PLANE_GAP: WINOGRAD.planeGapBytes,
    PLANES_OF_PART: WINOGRAD.kernelPlanes,
    PANEL_GROUP: WINOGRAD.panelGroup,
    GRADIENT_INPUTS: WINOGRAD.gradientInputs,
    GRADIENT_PANELS: WINOGRAD.gradientPanels,
  };
  const header = (["operation", "units", "scratch", "scratchBytes"] as const).toSorted(
    (a, b) => CALL_RECORD[a] - CALL_RECORD[b],
  );
  const operations = Object.entries(OPERATIONS);
  return [
    ...Object.entries(constants).map(([name, value]) => `export const ${name}: i32 = ${value};`),
    `export namespace Operation { ${operations.map(([name], i) => `export const ${name}: i32 = ${i};`).join(" ")} }`,
    recordClass("Call", header),
    ...operations.map(([name, fields]) => recordClass(capitalized(name), [...header, ...fields])),
    ...kernelDeclarations(kernels),
  ].join("\n");
}
