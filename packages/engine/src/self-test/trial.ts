import type { MemoryPlan } from "../memory-plan.ts";
import { emitBatchNorm } from "./batch-norm-trial.ts";
import { emitElementwise } from "./elementwise-trial.ts";
import { emitGate } from "./gate-trial.ts";
import { emitProducts } from "./product-trial.ts";
import { type Trial, TrialBuilder } from "./trial-builder.ts";
import { emitUpdates } from "./update-trial.ts";
import { emitWinograd } from "./winograd-trial.ts";

/** Places the trial. Everything in the memory's plan from `noise` on starts as noise, so that adding to it is tried too. */
export function placeTrial(memory: MemoryPlan): Trial {
  const builder = new TrialBuilder(memory);
  for (const emit of [emitProducts, emitWinograd, emitBatchNorm, emitElementwise, emitGate, emitUpdates]) emit(builder);
  return builder.finish();
}
