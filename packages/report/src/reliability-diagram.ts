/** Images whose largest probability falls into one interval. Rates are fractions. */
export interface ReliabilityBin {
  readonly count: number;
  /** Mean of the largest probabilities. */
  readonly confidence: number;
  /** Fraction that is right. */
  readonly accuracy: number;
}

const SIZE = 340;
const LEFT = 44;
const TOP = 12;
const SIDE = SIZE - LEFT - 22; // half of the last label stands beside it
const BASE = TOP + SIDE;
const STRIP = 46;

/**
 * A reliability diagram: accuracy over confidence, bin by bin, with the diagonal that a calibrated network lies on, and
 * below it how many images each bin has.
 *
 * @param bins Equal intervals of [0, 1], in order; empty ones have a count of 0.
 * @see Guo et al. 2017, On Calibration of Modern Neural Networks, figure 1. https://arxiv.org/abs/1706.04599
 */
export function reliabilityDiagram(bins: readonly ReliabilityBin[]): string {
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const width = SIDE / bins.length;
  const columns = bins.map((bin, i) => column(bin, LEFT + i * width, width, i, bins.length));
  const counts = bins.map(({ count }, i) => {
    const height = (count / most) * (STRIP - 8);
    return rectangle(
      LEFT + i * width + 1,
      BASE + STRIP - height,
      width - 2,
      height,
      'fill="var(--muted)" fill-opacity=".5"',
    );
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const [x, y] = [LEFT + share * SIDE, BASE - share * SIDE];
    const line = `<path d="M${LEFT} ${y}H${LEFT + SIDE}" stroke="var(--line)"/>`;
    return (
      line +
      label(LEFT - 6, y + 4, `${100 * share} %`, "end") +
      label(x, BASE + STRIP + 16, `${100 * share} %`, "middle")
    );
  });
  const diagonal = `<path d="M${LEFT} ${BASE}L${LEFT + SIDE} ${TOP}" stroke="var(--ink)" stroke-opacity=".5" stroke-dasharray="5 4"/>`;
  const axis = label(LEFT + SIDE / 2, BASE + STRIP + 34, "confidence; below: images", "middle");
  const content = [...ticks, ...columns, diagonal, ...counts, axis].join("");
  return `<svg class="reliability" viewBox="0 0 ${SIZE} ${BASE + STRIP + 40}" role="img" aria-label="reliability diagram">${content}</svg>`;
}

/** The bar of a bin up to its accuracy, and the gap to its confidence. */
function column(
  { count, confidence, accuracy }: ReliabilityBin,
  x: number,
  width: number,
  i: number,
  bins: number,
): string {
  if (count === 0) return "";
  const y = (share: number) => BASE - share * SIDE;
  const [low, high] = [Math.min(confidence, accuracy), Math.max(confidence, accuracy)];
  const bar = rectangle(x + 1, y(accuracy), width - 2, accuracy * SIDE, 'fill="var(--distilled)" fill-opacity=".75"');
  const gap = rectangle(
    x + 1,
    y(high),
    width - 2,
    (high - low) * SIDE,
    'fill="var(--bad)" fill-opacity=".35" stroke="var(--bad)"',
  );
  const figures = `accuracy ${percentOf(accuracy)}, confidence ${percentOf(confidence)}, ${count} images`;
  return `<g><title>${percentOf(i / bins)} to ${percentOf((i + 1) / bins)}: ${figures}</title>${bar}${gap}</g>`;
}

const percentOf = (share: number) => `${(100 * share).toFixed(1)} %`;

function rectangle(x: number, y: number, width: number, height: number, paint: string): string {
  const [a, b, w, h] = [x, y, width, height].map((value) => value.toFixed(1));
  return `<rect x="${a}" y="${b}" width="${w}" height="${h}" ${paint}/>`;
}

function label(x: number, y: number, text: string, anchor: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="12" text-anchor="${anchor}" fill="var(--muted)">${text}</text>`;
}
