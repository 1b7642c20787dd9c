import { type Forms, joinedForms, type RepVggSpec } from "./spec.ts";

/**
 * The form of a network out of parsed JSON: `"train"`, `"deploy"`, or a list of these, one for each block.
 *
 * @returns Undefined where it is none of them.
 */
export function parseForms(json: unknown, { numBlocks }: RepVggSpec): Forms | undefined {
  if (isForm(json)) return json;
  const blocks = numBlocks.reduce((sum, count) => sum + count, 1); // and the stem
  return Array.isArray(json) && json.length === blocks && json.every(isForm) ? joinedForms(json) : undefined;
}

const isForm = (json: unknown) => json === "train" || json === "deploy";
