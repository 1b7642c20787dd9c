const grouped = new Intl.NumberFormat("en-US");

/** `154322` → `154,322`. */
export function count(n: number): string {
  return grouped.format(n);
}

/** A fraction as percent: `0.21314` → `21.3 %`. */
export function percent(fraction: number, digits = 1): string {
  return `${(100 * fraction).toFixed(digits)} %`;
}

/** The same with as few digits as it needs, at most two: marks of an axis. 0.125 → 12.5 %. */
export function shortPercent(fraction: number): string {
  return `${Number((100 * fraction).toFixed(2))} %`;
}

/** Milliseconds with three significant digits; microseconds below a tenth. */
export function milliseconds(ms: number): string {
  return ms < 0.1 ? `${significant(1000 * ms)} µs` : `${significant(ms)} ms`;
}

/** Large numbers of operations: `2_531_328` → `2.53 M`. */
export function millions(n: number): string {
  if (n >= 1e6) return `${significant(n / 1e6)} M`;
  return n >= 1e4 ? `${significant(n / 1e3)} k` : count(n);
}

/** `83.4` → `1 min 23 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const twoDigits = (n: number) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${twoDigits(Math.floor((whole % 3600) / 60))} min`;
}

/** Very small numbers: `0.00000298` → `3.0e-6`. */
export function tiny(n: number): string {
  return n === 0 ? "0" : n.toExponential(1);
}

function significant(n: number): string {
  return n >= 100 ? n.toFixed(0) : n.toPrecision(3);
}
