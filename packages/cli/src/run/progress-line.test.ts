import { describe, expect, it } from "vitest";
import { fittedLines, progressLine } from "./progress-line.ts";

const PARTS = [
  { text: "epoch 1/6", importance: 3 },
  { text: "Loss 1.7657", importance: 5 },
  { text: "Acc@1 39.73", importance: 2 },
  { text: "925 images/s", importance: 1 },
  { text: "ETA 5 s", importance: 4 },
];
const at = { title: "step", done: 75, total: 300 };

describe("progressLine", () => {
  it.each([
    [120, "step ██████░░░░░░░░░░░░░░░░░░ 75/300  epoch 1/6  Loss 1.7657  Acc@1 39.73  925 images/s  ETA 5 s"],
    [80, "step ██░░░░░ 75/300  epoch 1/6  Loss 1.7657  Acc@1 39.73  925 images/s  ETA 5 s"],
    [60, "step ████░░░░░░░░░░ 75/300  epoch 1/6  Loss 1.7657  ETA 5 s"],
    [40, "step ████░░░░░░░░░░ 75/300  Loss 1.7657"],
    [30, "step 75/300  Loss 1.7657"],
    [20, "step 75/300  Loss 1"],
  ])("fits %i columns", (columns, expected) => {
    const line = progressLine(at, PARTS, columns);
    expect(line).toBe(expected);
    expect(line.length).toBeLessThan(columns);
  });

  it("draws a bar of any share, and of an unknown total none that is filled", () => {
    const line = (done: number, total: number) => progressLine({ title: "inspecting", done, total }, [], 80);
    expect(line(300, 300)).toBe(`inspecting ${"█".repeat(24)} 300/300`);
    expect(line(0, 0)).toBe(`inspecting ${"░".repeat(24)} 0/0`);
    expect(line(500, 300)).toBe(`inspecting ${"█".repeat(24)} 500/300`);
  });
});

describe("fittedLines", () => {
  const groups = [
    ["Epoch 1/30", "Loss 2.3948", "Acc@1 9.68"],
    ["val Loss 2.4483", "Acc@1 11.00"],
    ["EMA Acc@1 10.00"],
    ["5 s", "best"],
  ];
  const [own, judged, ema, rest] = groups.map((group) => group.join("  "));
  it.each([
    [Number.POSITIVE_INFINITY, [`${own}  ${judged}  ${ema}  ${rest}`]],
    [91, [`${own}  ${judged}  ${ema}`, `  ${rest}`]],
    [80, [`${own}  ${judged}`, `  ${ema}  ${rest}`]],
    [40, [own, `  ${judged}`, `  ${ema}  ${rest}`]],
    [
      20,
      ["Epoch 1/30", "  Loss 2.3948", "  Acc@1 9.68", "  val Loss 2.4483", "  Acc@1 11.00", `  ${ema}`, `  ${rest}`],
    ],
  ])("breaks between what belongs together: %s columns", (columns, expected) => {
    const lines = fittedLines(groups, columns).split("\n");
    expect(lines).toEqual(expected);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(columns);
  });

  it("leaves a part whole that is longer than a line", () => {
    expect(fittedLines([["Epoch 1/30", "5 s"]], 6)).toBe("Epoch 1/30\n  5 s");
  });
});
