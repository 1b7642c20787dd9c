import type { Row } from "./results.ts";

const COLOURS: Record<string, string> = {
  "onnxruntime-node": "#4e79a7",
  pytorch: "#e15759",
  "onnxruntime-web": "#76b7b2",
  "tfjs-wasm": "#f28e2b",
  native: "#b07aa1",
  torchvision: "#edc948",
  "1 worker": "#9c755f",
};
const LABEL_WIDTH = 470;
const PLOT_WIDTH = 380;
const BAR = 15;
const GAP = 12;
const TOP = 54;
/** Beyond it a bar is cut, and says so by its number. */
const MOST = 6;

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** How many times the engine's time each peer takes, as SVG that reads on light and on dark pages. */
export function chart(rows: readonly Row[]): string {
  const x = (ratio: number) => LABEL_WIDTH + (Math.min(ratio, MOST) / MOST) * PLOT_WIDTH;
  const parts: string[] = [];
  let y = TOP;
  for (const { title, peers } of rows) {
    const others = peers.filter(({ peer }) => peer !== "engine");
    const middle = y + (others.length * BAR) / 2;
    parts.push(text(LABEL_WIDTH - 10, middle + 4, title.replace("repvgg-", ""), "end"));
    for (const { peer, ratio } of others) {
      const width = x(ratio) - LABEL_WIDTH;
      parts.push(
        `<rect x="${LABEL_WIDTH}" y="${y + 1}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${COLOURS[peer]}"/>`,
      );
      parts.push(text(x(ratio) + 5, y + 12, `${ratio.toFixed(2)}${ratio > MOST ? " →" : ""}`));
      y += BAR;
    }
    y += GAP;
  }
  const one = x(1).toFixed(1);
  const shown = Object.keys(COLOURS).filter((name) =>
    rows.some(({ peers }) => peers.some(({ peer }) => peer === name)),
  );
  const legend = shown.map((name, i) => {
    const left = 20 + i * 160;
    return `<rect x="${left}" y="28" width="12" height="12" fill="${COLOURS[name]}"/>${text(left + 17, 38, name)}`;
  });
  const width = LABEL_WIDTH + PLOT_WIDTH + 60;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" role="img">`,
    "<title>Time of each library over the engine's</title>",
    "<style>text{font:12px sans-serif;fill:#777}line{stroke:#777;stroke-dasharray:3 3}</style>",
    text(20, 16, "Time of each library over the engine's: right of the line, RepVGG's WebAssembly engine is faster"),
    ...legend,
    ...parts,
    `<line x1="${one}" x2="${one}" y1="${TOP - 6}" y2="${y - GAP + 4}"/>`,
    "</svg>\n",
  ].join("\n");
}

const text = (x: number, y: number, content: string, anchor = "start") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(content)}</text>`;
