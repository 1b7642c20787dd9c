import { emitCustomL2 } from "./custom-l2.ts";
import { PANEL } from "./layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import type { Range } from "./parameters.ts";
import type { PlacedNetwork } from "./placed-network.ts";
import { type PlacedProgram, Program, placePrograms } from "./program.ts";

/** Panels whose squares one sum takes: a fixed number, so that threads change no bit. */
const CHUNK = 1024;
/** Bytes of the settings of one call. */
const SETTINGS_BYTES = 64;

/** The programs of the optimisers, and where the host writes their settings and reads their result. */
export interface CompiledUpdates {
  readonly programs: Readonly<
    Record<"sgd" | "adamw" | "customL2" | "gather" | "collect" | "squaredSums" | "average", PlacedProgram>
  >;
  /**
   * Addresses of f32 settings, as `operations.ts` says: of the kernels of the branches, of other decayed parameters, of the rest, of a
   * `blend`, and of `customL2`.
   */
  readonly settings: Readonly<Record<"branchKernels" | "decayed" | "plain" | "blend" | "customL2", number>>;
  /** The squares of all gradients, as f64 sums of chunks of them. */
  readonly squares: { readonly address: number; readonly count: number };
}

/**
 * `sgd` and `adamw` update with the gradients. `gather` blends those into the gathered ones, `collect` these back into the gradients,
 * `average` parameters and statistics into their average; `customL2` adds the gradients of that penalty. What the layout has no room for is an empty program.
 */
export function compileUpdates(
  memory: MemoryPlan,
  network: PlacedNetwork,
  threads: number,
  frozen: number,
): CompiledUpdates {
  const layout = network.parameters;
  const { decayed, branchKernels, plain, statistics, gradientOffset, velocityOffset, secondOffset } = layout;
  const { gatheredOffset, averageOffset } = layout;
  const allocate = () => memory.allocate(SETTINGS_BYTES);
  const settings = {
    branchKernels: allocate(),
    decayed: allocate(),
    plain: allocate(),
    blend: allocate(),
    customL2: allocate(),
  };
  const otherDecayed: Range = {
    address: decayed.address + branchKernels.floats * 4,
    floats: decayed.floats - branchKernels.floats,
  };
  const learning: Range = { address: decayed.address, floats: decayed.floats + plain.floats };
  const averaged: Range = { address: decayed.address, floats: learning.floats + statistics.floats };
  const chunks = Math.ceil(learning.floats / PANEL / CHUNK);
  const squares = { address: memory.allocate(chunks * 8), count: chunks };

  const [sgd, adamw, squaredSums] = [new Program(), new Program(), new Program()];
  for (const [{ address, floats }, own] of [
    [branchKernels, settings.branchKernels],
    [otherDecayed, settings.decayed],
    [plain, settings.plain],
  ] as const) {
    const common = { parameters: address, gradients: address + gradientOffset, settings: own };
    sgd.add("sgd", floats / PANEL, { ...common, velocity: address + velocityOffset });
    if (secondOffset === 0) continue;
    const moments = { first: address + velocityOffset, second: address + secondOffset };
    adamw.add("adamw", floats / PANEL, { ...common, ...moments });
  }
  squaredSums.add("squaredSums", chunks, {
    input: learning.address + gradientOffset,
    panels: learning.floats / PANEL,
    chunk: CHUNK,
    sums: squares.address,
  });
  const blend = ({ address, floats }: Range, from: number, to: number, hasRoom: boolean) => {
    const program = new Program();
    const args = { source: address + from, target: address + to, settings: settings.blend };
    if (hasRoom) program.add("blend", floats / PANEL, args);
    return program;
  };
  const customL2 = new Program();
  for (const buffers of network.buffers.blocks.slice(frozen)) {
    emitCustomL2(customL2, network, buffers, settings.customL2);
  }
  const programs = {
    sgd,
    adamw,
    customL2,
    squaredSums,
    gather: blend(learning, gradientOffset, gatheredOffset, gatheredOffset > 0),
    collect: blend(learning, gatheredOffset, gradientOffset, gatheredOffset > 0),
    average: blend(averaged, 0, averageOffset, averageOffset > 0),
  };
  return {
    programs: placePrograms(memory, programs, threads),
    settings,
    squares,
  };
}
