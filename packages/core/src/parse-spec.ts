import { RepvggError } from "./errors.ts";
import { layerPlan } from "./layer-plan.ts";
import { nearestName } from "./nearest-name.ts";
import { defineSpec, type RepVggSpec, SPEC_DEFAULTS } from "./spec.ts";

const REQUIRED = ["numBlocks", "widthMultiplier"] as const;
const FIELDS: readonly string[] = [...REQUIRED, ...Object.keys(SPEC_DEFAULTS)];

/**
 * A spec out of parsed JSON: what `JSON.stringify(spec)` wrote, checked field by field. Absent fields get {@link SPEC_DEFAULTS}.
 *
 * @throws {RepvggError} `E_SPEC`: a field is missing, unknown or out of range; the message names it.
 */
export function parseSpec(json: unknown): RepVggSpec {
  const fail = (message: string): never => {
    throw new RepvggError("E_SPEC", message);
  };
  if (!isRecord(json)) return fail(`A spec must be a JSON object, got ${JSON.stringify(json)}.`);
  for (const field of Object.keys(json)) {
    if (!FIELDS.includes(field)) fail(`spec.${field} is unknown. Did you mean ${nearestName(field, FIELDS)}?`);
  }
  for (const field of REQUIRED) {
    if (json[field] === undefined) fail(`spec.${field} is missing.`);
  }
  for (const field of [...REQUIRED, "strides"]) {
    if (json[field] !== undefined && !Array.isArray(json[field])) {
      fail(`spec.${field} must be a list of numbers, got ${JSON.stringify(json[field])}.`);
    }
  }
  const { groups = {} } = json;
  if (!isRecord(groups)) return fail(`spec.groups must be an object of layer → groups, got ${JSON.stringify(groups)}.`);
  for (const layer of Object.keys(groups)) {
    if (!/^\d+$/.test(layer))
      fail(`spec.groups has the layer ${JSON.stringify(layer)}; layers are counted 0, 1, 2, ….`);
  }
  const given = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined));
  const spec = defineSpec(given as unknown as Parameters<typeof defineSpec>[0]);
  layerPlan(spec, [1, 1]); // refuses groups that do not divide the channels
  return spec;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
