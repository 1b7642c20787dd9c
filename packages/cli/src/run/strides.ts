import { type RepVggSpec, RepvggError } from "@repvgg/core";

/**
 * The value of `--strides`: five of 1 or 2, with commas between them.
 *
 * @throws {RepvggError} `E_USAGE`
 */
export function parseStrides(text: string): RepVggSpec["strides"] {
  const strides = text.split(",").map((stride) => stride.trim());
  if (strides.length === 5 && strides.every((stride) => stride === "1" || stride === "2")) {
    return strides.map(Number) as unknown as RepVggSpec["strides"];
  }
  throw new RepvggError(
    "E_USAGE",
    `--strides must be five of 1 or 2, for the stem and stages 1 to 4, got "${text}". Give them as 1,2,2,2,2.`,
  );
}
