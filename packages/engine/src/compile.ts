import { type Form, type LayerPlan, stateLayout } from "@repvgg/core";
import { emitBackward, type StageGradient } from "./backward.ts";
import { emitForward, emitInferenceCoefficients, emitTransformedWeights } from "./forward.ts";
import { bytesOf, PANEL, panelled } from "./layouts.ts";
import { type MemoryPlan, planMemory } from "./memory-plan.ts";
import { placeBuffers } from "./network-buffers.ts";
import { type ParameterLayout, placeParameters } from "./parameters.ts";
import type { PlacedNetwork } from "./placed-network.ts";
import { type PlacedProgram, Program, placePrograms } from "./program.ts";

/** A network as data: where everything lies, and the programs that run over it. */
export interface Compiled<Name extends string> extends PlacedNetwork {
  readonly programs: Readonly<Record<Name, PlacedProgram>>;
}

export interface CompiledTraining extends Compiled<"forward" | "backward" | "update" | "evaluate"> {
  /** Where the backward program stops for gradients of the stages' outputs, if there are any: stage 4 first. */
  readonly stageGradients: readonly StageGradient[];
  /** Addresses of what the host writes before the backward pass and the update. */
  readonly inputs: {
    /** dL/dlogits, `[N, classes in whole panels]`. */
    readonly logitsGradient: number;
    /** f32 [lr, momentum, decay, nesterov] of the decayed parameters, then of the others. */
    readonly settings: number;
  };
}

function placeNetwork(
  memory: MemoryPlan,
  plan: LayerPlan,
  form: Form,
  batch: number,
  trainable: boolean,
): PlacedNetwork {
  const parameters = placeParameters(memory, stateLayout(plan, form), trainable);
  return { plan, batch, parameters, buffers: placeBuffers(memory, plan, form, batch, trainable) };
}

/** `prepare` runs once, after the parameters are written; `predict` takes the staged images to the logits. */
export function compileInference(plan: LayerPlan, form: Form, batch: number, threads: number) {
  return planMemory((memory): Compiled<"prepare" | "predict"> => {
    const network = placeNetwork(memory, plan, form, batch, false);
    const [prepare, predict] = [new Program(), new Program()];
    emitInferenceCoefficients({ memory, program: prepare }, network);
    const transformed = emitTransformedWeights({ memory, program: prepare }, network);
    emitForward({ memory, program: predict }, network, { mode: "inference", transformed });
    return { ...network, programs: placePrograms(memory, { prepare, predict }, threads) };
  });
}

/** `forward`, the host's loss, `backward`, `update` make a step; `evaluate` answers with the running statistics. */
export function compileTraining(plan: LayerPlan, batch: number, threads: number) {
  return planMemory((memory): CompiledTraining => {
    const network = placeNetwork(memory, plan, "train", batch, true);
    const inputs = {
      logitsGradient: memory.allocate(bytesOf([batch, panelled(plan.spec.numClasses)])),
      settings: memory.allocate(32),
    };
    const [forward, backward, update, evaluate] = [new Program(), new Program(), new Program(), new Program()];
    emitForward({ memory, program: forward }, network, { mode: "train" });
    const stageGradients = emitBackward({ memory, program: backward }, network, inputs.logitsGradient);
    emitUpdate(update, network.parameters, inputs.settings);
    emitInferenceCoefficients({ memory, program: evaluate }, network);
    emitForward({ memory, program: evaluate }, network, { mode: "inference" });
    const programs = placePrograms(memory, { forward, backward, update, evaluate }, threads);
    return { ...network, inputs, stageGradients, programs };
  });
}

function emitUpdate(
  program: Program,
  { decayed, plain, gradientOffset, velocityOffset }: ParameterLayout,
  settings: number,
) {
  [decayed, plain].forEach(({ address, floats }, i) => {
    program.add("sgd", floats / PANEL, {
      parameters: address,
      gradients: address + gradientOffset,
      velocity: address + velocityOffset,
      settings: settings + i * 16,
    });
  });
}
