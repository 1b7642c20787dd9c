import { RepvggError } from "./errors.ts";
import type { Network } from "./network.ts";

/**
 * Checks that a network that learned is still in train form.
 *
 * @throws {RepvggError} `E_USAGE`: blocks of it were fused.
 */
export function assertTrains({ form }: Pick<Network, "form">): void {
  if (form === "train") return;
  throw new RepvggError(
    "E_USAGE",
    "The network cannot learn any more: switchToDeploy() has fused blocks of it. Make another from the state that it had before.",
  );
}
