import { type Forms, parseForms, parseSpec, type RepVggSpec } from "@repvgg/core";
import type { Fail } from "./byte-source.ts";
import type { Checkpoint } from "./checkpoint.ts";

/** The key of our metadata in a safetensors file. */
export const OWN_METADATA = "repvgg";
/** The file in a .pth archive that holds the same; PyTorch does not look at it. */
export const OWN_ENTRY = "extra/repvgg.json";
export const OWN_VERSION = 1;
/** Characters of a value in a message. */
const SHOWN = 200;

/** Our metadata: what tells a network from its weights' names and shapes alone, and how it is used. */
export function ownMetadata({ spec, form, classes, classIds, preprocessing }: Checkpoint): string {
  return JSON.stringify({ version: OWN_VERSION, spec, form, classes, classIds, preprocessing });
}

/** The network that metadata describe, checked. @throws by `fail`: they describe none. */
export function readNetwork(
  { spec: json, form }: { readonly spec?: unknown; readonly form?: unknown },
  fail: Fail,
): { spec: RepVggSpec; form: Forms } {
  const spec = readSpec(json, fail);
  const forms = parseForms(form, spec);
  if (forms !== undefined) return { spec, form: forms };
  return fail(
    `names the form ${JSON.stringify(form)?.slice(0, SHOWN)}, neither train nor deploy, nor one of these for each of its blocks`,
  );
}

function readSpec(json: unknown, fail: Fail): RepVggSpec {
  try {
    return parseSpec(json);
  } catch (cause) {
    return fail(`has a spec that is not valid: ${(cause as Error).message}`, cause);
  }
}
