import type { Checkpoint } from "./checkpoint.ts";

/** The key of our metadata in a safetensors file. */
export const OWN_METADATA = "repvgg";
/** The file in a .pth archive that holds the same; PyTorch does not look at it. */
export const OWN_ENTRY = "extra/repvgg.json";
export const OWN_VERSION = 1;

/** Our metadata: what tells a network from its weights' names and shapes alone, and how it is used. */
export function ownMetadata({ spec, form, classes, classIds, preprocessing }: Checkpoint): string {
  return JSON.stringify({ version: OWN_VERSION, spec, form, classes, classIds, preprocessing });
}
