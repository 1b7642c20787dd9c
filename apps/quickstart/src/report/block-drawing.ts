import { count, millions } from "@repvgg/report";
import type { BlockFigures } from "../result.ts";

const WIDTH = 480;
const HEIGHT = 384;
const MIDDLE = WIDTH / 2;

/** One block before fusion, three branches, and after it, one convolution: two drawings with their figures. */
export function blockDrawing(block: BlockFigures): string {
  const shape = (channels: number) => `${channels} × ${block.size[0]} × ${block.size[1]}`;
  const ends = { input: shape(block.inChannels), output: shape(block.outChannels) };
  return `<div class="two">
<div class="card"><h3>While it learns</h3>${figures(block.before)}${svg("three branches, added", beforeFusion(ends))}</div>
<div class="card"><h3>When it is used</h3>${figures(block.after)}${svg("one convolution", afterFusion(ends))}</div>
</div>`;
}

function figures({ params, macs, operations }: BlockFigures["before"]): string {
  return `<p class="note" style="margin:0 0 10px">${count(params)} parameters · ${millions(macs)} multiplications · ${operations} operations</p>`;
}

interface Ends {
  readonly input: string;
  readonly output: string;
}

const BRANCHES = [
  { x: 92, top: "3×3 convolution", color: "var(--distilled)" },
  { x: MIDDLE, top: "1×1 convolution", color: "var(--good)" },
  { x: WIDTH - 92, top: undefined, color: "var(--alone)" }, // the identity
] as const;

function beforeFusion({ input, output }: Ends): string {
  const branches = BRANCHES.map(({ x, top, color }) => {
    const entry = x === MIDDLE ? arrow(`M${MIDDLE} 34V92`) : arrow(`M${MIDDLE} 50H${x}V${top ? 92 : 178}`);
    const convolution =
      top === undefined
        ? label(x + 12, 118, "identity", "start")
        : `${box(x, 114, 132, top, color)}${arrow(`M${x} 136V178`)}`;
    const exit =
      x === MIDDLE ? arrow(`M${x} 222V256`) : arrow(`M${x} 222V272H${x < MIDDLE ? MIDDLE - 16 : MIDDLE + 16}`);
    return `${entry}${convolution}${box(x, 200, 132, "batch norm", color)}${exit}`;
  });
  return `${terminal(20, input)}${branches.join("")}
<circle cx="${MIDDLE}" cy="272" r="14" fill="var(--card)" stroke="var(--ink)" stroke-width="1.5"/>
<path d="M${MIDDLE - 6} 272h12M${MIDDLE} 266v12" stroke="var(--ink)" stroke-width="1.5"/>
${ending(286, output)}`;
}

function afterFusion({ input, output }: Ends): string {
  return `${terminal(20, input)}${arrow(`M${MIDDLE} 34V134`)}
${box(MIDDLE, 157, 190, "3×3 convolution + bias", "var(--ink)", 46)}
${arrow(`M${MIDDLE} 180V308`)}${ending(undefined, output)}`;
}

/** ReLU and what leaves the block. */
function ending(from: number | undefined, output: string): string {
  const entry = from === undefined ? "" : arrow(`M${MIDDLE} ${from}V308`);
  return `${entry}${box(MIDDLE, 324, 90, "ReLU", "var(--muted)", 32)}${arrow(`M${MIDDLE} 340V358`)}${terminal(372, output)}`;
}

function box(x: number, y: number, width: number, text: string, color: string, height = 44): string {
  return `<rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="9" fill="${color}" fill-opacity=".1" stroke="${color}" stroke-width="1.5"/>${label(x, y + 5, text, "middle", "var(--ink)")}`;
}

function arrow(path: string): string {
  return `<path d="${path}" fill="none" stroke="var(--muted)" stroke-width="1.5" marker-end="url(#arrow)"/>`;
}

function terminal(y: number, text: string): string {
  return label(MIDDLE, y + 5, text);
}

function label(x: number, y: number, text: string, anchor = "middle", color = "var(--muted)"): string {
  return `<text x="${x}" y="${y}" font-size="14" text-anchor="${anchor}" fill="${color}">${text}</text>`;
}

function svg(title: string, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" style="margin:0 auto">
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="var(--muted)"/></marker></defs>
${content}</svg>`;
}
