import { RepvggError } from "@repvgg/core";

const MOST = 1_000_000;

/**
 * The names that a pattern stands for, as WebDataset and shells expand it: `shard-{000..004}.tar`, `{train,val}-0.tar`.
 *
 * @throws {RepvggError} `E_DATA`: a brace is not closed, or stands for neither a range nor a list; or there are too many.
 */
export function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf("{");
  if (open < 0) return [pattern];
  const close = pattern.indexOf("}", open);
  const inner = close < 0 ? "" : pattern.slice(open + 1, close);
  const words = inner.includes(",") ? inner.split(",") : rangeOf(inner);
  if (words === undefined) {
    throw new RepvggError(
      "E_DATA",
      `${pattern} is no pattern of files: braces hold a range, {000..004}, or a list, {a,b}.`,
    );
  }
  const rests = expandBraces(pattern.slice(close + 1));
  if (words.length * rests.length > MOST) {
    throw new RepvggError("E_DATA", `${pattern} stands for more than ${MOST} files.`);
  }
  return words.flatMap((word) => rests.map((rest) => pattern.slice(0, open) + word + rest));
}

/** `008..010` → 008, 009, 010: with the zeros of the wider end. */
function rangeOf(inner: string): string[] | undefined {
  const match = /^(\d+)\.\.(\d+)$/.exec(inner);
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const hasZeros = /^0\d/.test(match[1]!) || /^0\d/.test(match[2]!);
  const width = hasZeros ? Math.max(match[1]!.length, match[2]!.length) : 0;
  if (last < first || last - first >= MOST) return undefined;
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i).padStart(width, "0"));
}
