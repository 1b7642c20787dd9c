/** Where an axis is marked. Values outside `[min, max]` are left out. */
export function axisTicks(min: number, max: number, { log, about }: { log: boolean; about: number }): number[] {
  return log ? logarithmicTicks(min, max, about) : linearTicks(min, max, about);
}

/** A limit that misses a mark by less than this share of their distance is moved there. */
const NEAR = 0.3;

/** The limits of a linear axis, each moved outward to a mark that it nearly reaches: an axis ends with a number. */
export function roundedLimits(min: number, max: number, about: number): [min: number, max: number] {
  const step = linearStep(min, max, about);
  const [low, high] = [Math.floor(min / step + 1e-9) * step, Math.ceil(max / step - 1e-9) * step];
  return [min - low < NEAR * step ? exact(low) : min, high - max < NEAR * step ? exact(high) : max];
}

/** 1, 2 or 5 times a power of ten. */
function linearStep(min: number, max: number, about: number): number {
  const rough = (max - min) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.75) ?? 10);
}

/** Multiples of 1, 2 or 5 times a power of ten, about so many. */
function linearTicks(min: number, max: number, about: number): number[] {
  const step = linearStep(min, max, about);
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => exact((first + i) * step));
}

/** Powers of ten; where they are few, also 2 and 5 times them, or equal steps; where they are many, every second or third. */
function logarithmicTicks(min: number, max: number, about: number): number[] {
  const [low, high] = [Math.floor(Math.log10(min) + 1e-9), Math.ceil(Math.log10(max) - 1e-9)];
  const every = Math.max(1, Math.ceil((high - low) / about));
  const powers = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => 10 ** (low + i * every));
  const visible = (ticks: number[]) => ticks.filter((tick) => tick >= min * (1 - 1e-9) && tick <= max * (1 + 1e-9));
  const tens = visible(powers.map(exact));
  if (tens.length > 2) return tens;
  const more = visible(powers.flatMap((power) => [1, 2, 5].map((factor) => exact(factor * power))));
  return more.length > 1 ? more : linearTicks(min, max, about);
}

/** Without the last bits of a product: 0.30000000000000004 → 0.3. */
function exact(value: number): number {
  return Number(value.toPrecision(15));
}
