import { type Forms, freezeEntries, type LayerPlan, stateLayout } from "@repvgg/core";
import { emitBackward, type LogitsGradients, type StageGradient } from "./backward.ts";
import { emitCoefficients, emitForward, emitTransformedWeights } from "./forward.ts";
import { bytesOf, panelled } from "./layouts.ts";
import { type MemoryPlan, planMemory } from "./memory-plan.ts";
import { placeBuffers, type Retention } from "./network-buffers.ts";
import { type ParameterRoom, placeParameters } from "./parameters.ts";
import type { PlacedNetwork } from "./placed-network.ts";
import { type PlacedProgram, Program, placePrograms } from "./program.ts";
import { type CompiledUpdates, compileUpdates } from "./updates.ts";

/** A network as data: where everything lies, and the programs that run over it. */
export interface Compiled<Name extends string> extends PlacedNetwork {
  readonly programs: Readonly<Record<Name, PlacedProgram>>;
}

export interface CompiledTraining extends Compiled<"forward" | "backward" | "evaluate"> {
  readonly updates: CompiledUpdates;
  /** Blocks, from the input on, that do not learn. */
  readonly frozen: number;
  readonly exact: boolean;
  /** Where the backward program stops for gradients of the stages' outputs, if there are any: stage 4 first. */
  readonly stageGradients: readonly StageGradient[];
  /** Addresses of what the host writes before the backward pass. */
  readonly inputs: {
    readonly gradients: LogitsGradients;
  };
}

/** How a training is compiled. */
export interface TrainingLayout {
  /** Blocks, from the input on, that do not learn. @default 0 */
  readonly frozen?: number;
  /** Room for AdamW, gradient accumulation and averages. @default true */
  readonly extras?: boolean;
  /** Only the outputs of blocks are kept for the backward pass, which computes the rest again. @default false */
  readonly checkpointing?: boolean;
  /** No Winograd. @default false */
  readonly exact?: boolean;
}

function placeNetwork(
  memory: MemoryPlan,
  plan: LayerPlan,
  form: Forms,
  batch: number,
  { room, frozen = 0, retained, exact }: { room: ParameterRoom; frozen?: number; retained: Retention; exact: boolean },
): PlacedNetwork {
  const trains = room !== "inference";
  const entries = stateLayout(plan, form).filter(({ auxiliary }) => trains || !auxiliary);
  const parameters = placeParameters(memory, freezeEntries(entries, frozen), { room, exact });
  return { plan, batch, parameters, buffers: placeBuffers(memory, plan, form, batch, { retained, exact }) };
}

/** `prepare` runs once, after the parameters are written; `predict` takes the staged images to the logits. */
export function compileInference(plan: LayerPlan, form: Forms, batch: number, threads: number, exact = false) {
  return planMemory((memory): Compiled<"prepare" | "predict"> => {
    const network = placeNetwork(memory, plan, form, batch, { room: "inference", retained: "nothing", exact });
    const [prepare, predict] = [new Program(), new Program()];
    emitCoefficients({ memory, program: prepare }, network);
    const transformed = emitTransformedWeights({ memory, program: prepare }, network);
    emitForward({ memory, program: predict }, network, { mode: "inference", transformed });
    return { ...network, programs: placePrograms(memory, { prepare, predict }, threads) };
  });
}

/** `forward`, the host's loss, `backward`, one of the `updates` make a step; `evaluate` answers with the running statistics. */
export function compileTraining(
  plan: LayerPlan,
  batch: number,
  threads: number,
  { frozen = 0, extras = true, checkpointing = false, exact = false }: TrainingLayout = {},
) {
  return planMemory((memory): CompiledTraining => {
    const room = extras ? "training with extras" : "training";
    const retained = checkpointing ? "outputs" : "everything";
    const network = placeNetwork(memory, plan, "train", batch, { room, frozen, retained, exact });
    const gradient = () => memory.allocate(bytesOf([batch, panelled(plan.spec.numClasses)]));
    const inputs = { gradients: { logits: gradient(), auxiliary: plan.auxiliary.map(gradient) } };
    const [forward, backward, evaluate] = [new Program(), new Program(), new Program()];
    emitForward({ memory, program: forward }, network, { mode: "train", frozen });
    const stageGradients = emitBackward({ memory, program: backward }, network, inputs.gradients, frozen);
    emitCoefficients({ memory, program: evaluate }, network);
    emitForward({ memory, program: evaluate }, network, { mode: "inference" });
    const programs = placePrograms(memory, { forward, backward, evaluate }, threads);
    const updates = compileUpdates(memory, network, threads, frozen);
    return { ...network, frozen, exact, inputs, stageGradients, programs, updates };
  });
}
