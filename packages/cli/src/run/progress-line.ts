/** Something that is known now: loss, rate, time left. */
export interface ProgressPart {
  readonly text: string;
  /** Where not all of them fit, those with the smallest go first. */
  readonly importance: number;
}

const [SHORTEST_BAR, LONGEST_BAR] = [6, 24];
const [DONE, OPEN] = ["█", "░"];
const GAP = "  ";

/**
 * One line of progress that fits a terminal: the bar is shortened first, then parts are left out, at last the bar.
 *
 *     step ████████░░░░ 28/300  epoch 1/6  Loss 1.7657  ETA 5 s
 *
 * @param columns Of the terminal; the last one stays empty, where some terminals wrap.
 */
export function progressLine(
  { title, done, total }: { title: string; done: number; total: number },
  parts: readonly ProgressPart[],
  columns: number,
): string {
  let shown = parts;
  for (;;) {
    const text = [`${done}/${total}`, ...shown.map(({ text }) => text)].join(GAP);
    const room = columns - 1 - `${title}  ${text}`.length;
    if (room >= SHORTEST_BAR) return `${title} ${bar(done / total, Math.min(room, LONGEST_BAR))} ${text}`;
    if (shown.length <= 1) return `${title} ${text}`.slice(0, columns - 1);
    const least = Math.min(...shown.map(({ importance }) => importance));
    shown = shown.filter(({ importance }) => importance > least);
  }
}

/**
 * Groups of parts on as few lines as a terminal needs: a group that does not fit begins a line, and is itself divided only where it is
 * longer than that.
 *
 *     Epoch 1/6  Loss 2.3948  Acc@1 9.68
 *       val Loss 2.4483  Acc@1 11.00  5 s
 *
 * @param columns Of the terminal; the last one stays empty.
 */
export function fittedLines(groups: readonly (readonly string[])[], columns: number): string {
  const lines: string[] = [];
  for (const group of groups) {
    const whole = group.join(GAP);
    for (const text of GAP.length + whole.length < columns ? [whole] : group) {
      const line = lines.at(-1);
      if (line === undefined) lines.push(text);
      else if (line.length + GAP.length + text.length < columns) lines[lines.length - 1] = line + GAP + text;
      else lines.push(GAP + text);
    }
  }
  return lines.join("\n");
}

/** The parts on a line without an end. */
export const joined = (parts: readonly ProgressPart[]): string => parts.map(({ text }) => text).join(GAP);

function bar(share: number, length: number): string {
  const filled = Number.isFinite(share) ? Math.min(length, Math.max(0, Math.round(share * length))) : 0;
  return DONE.repeat(filled) + OPEN.repeat(length - filled);
}
