/** `8309384` → `8,309,384`; the same in every locale. */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1361380000` → `1.361 G`. */
export function scaled(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(3)} G`;
  if (n >= 1e6) return `${(n / 1e6).toFixed(3)} M`;
  return n >= 1e3 ? `${(n / 1e3).toFixed(3)} k` : String(n);
}

/** `0.7241` → `72.41`. */
export function percent(fraction: number, digits = 2): string {
  return (fraction * 100).toFixed(digits);
}

/** `75` → `1 min 15 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** The value below which the given share of a sorted list lies, interpolated between its neighbours. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1);
  const lower = Math.floor(position);
  const [a, b] = [sorted[lower]!, sorted[Math.min(lower + 1, sorted.length - 1)]!];
  return a + (b - a) * (position - lower);
}
