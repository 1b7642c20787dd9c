import { describe, expect, it } from "vitest";
import { barChart } from "./bar-chart.ts";
import { htmlPage } from "./html-page.ts";
import { legend, lineChart, shortNumber } from "./line-chart.ts";
import { matrixTable } from "./matrix-table.ts";
import { reliabilityDiagram } from "./reliability-diagram.ts";

const AXES = { x: { label: "epoch" }, y: { label: "loss" } };
const series = (points: [number, number][], look?: "line" | "points" | "faint") =>
  ({ name: "a <b>", color: "red", points, ...(look && { look }) }) as const;
/** Places of a path's corners. */
const corners = (svg: string) =>
  [...svg.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
const firstPath = (html: string) => /<path d="([^"]*)" fill="none"/.exec(html)![1]!;

describe("lineChart", () => {
  it("draws a wide and a narrow picture whose points are where the axes say", () => {
    const html = lineChart({
      title: "t",
      ...AXES,
      series: [
        series([
          [0, 0],
          [1, 5],
          [2, 10],
        ]),
      ],
    });
    expect(html.match(/<svg/g)).toHaveLength(2);
    const [a, b, c] = corners(firstPath(html));
    expect(b![0]).toBeCloseTo((a![0]! + c![0]!) / 2, 0);
    expect(b![1]).toBeCloseTo((a![1]! + c![1]!) / 2, 0);
    expect(a![1]).toBeGreaterThan(c![1]!); // up is more
    expect(html).toContain(">10</text>");
    expect(html).toContain("<title>a &lt;b&gt;: 5 at 1</title>");
  });

  it("spaces decades equally on a logarithmic axis", () => {
    const log = { x: { label: "x" }, y: { label: "y", log: true } };
    const [a, b, c] = corners(
      firstPath(
        lineChart({
          title: "t",
          ...log,
          series: [
            series([
              [0, 0.01],
              [1, 0.1],
              [2, 1],
            ]),
          ],
        }),
      ),
    );
    expect(b![1]).toBeCloseTo((a![1]! + c![1]!) / 2, 0);
  });

  it("leaves gaps where there is no value, and never writes NaN", () => {
    const log = { x: { label: "x" }, y: { label: "y", log: true } };
    const points: [number, number][] = [
      [0, 1],
      [1, 2],
      [2, Number.NaN],
      [3, 2],
      [4, 0],
      [5, 3],
      [6, Number.POSITIVE_INFINITY],
    ];
    const html = lineChart({ title: "t", ...log, series: [series(points)] });
    expect(firstPath(html).match(/M/g)).toHaveLength(3);
    expect(html).not.toMatch(/NaN|Infinity/);
  });

  it.each([
    ["nothing", []],
    ["one point", [[3, 7]]],
    [
      "equal values",
      [
        [0, 0],
        [1, 0],
      ],
    ],
    ["no finite value", [[0, Number.NaN]]],
  ] as [string, [number, number][]][])("draws %s", (_, points) => {
    for (const log of [false, true]) {
      const html = lineChart({ title: "t", x: { label: "x", log }, y: { label: "y", log }, series: [series(points)] });
      expect(html).not.toMatch(/NaN|Infinity/);
    }
  });

  it("shows a single epoch as a point", () => {
    const html = lineChart({ title: "t", ...AXES, series: [series([[1, 2]])] });
    expect(html).toContain('fill="red"');
  });

  it("marks a place on the x axis", () => {
    const marks = [{ x: 1, label: "here", color: "green" }];
    expect(
      lineChart({
        title: "t",
        ...AXES,
        series: [
          series([
            [0, 0],
            [2, 1],
          ]),
        ],
        marks,
      }),
    ).toContain(">here</text>");
  });

  it("writes a mark's name to its left where there is no room on the right", () => {
    const points = [
      series([
        [0, 0],
        [2, 1],
      ]),
    ];
    const anchorOf = (x: number) => {
      const html = lineChart({
        title: "t",
        ...AXES,
        series: points,
        marks: [{ x, label: "suggested", color: "green" }],
      });
      return /text-anchor="(\w+)"[^>]*>suggested</.exec(html)![1];
    };
    expect([anchorOf(0), anchorOf(1.9)]).toEqual(["start", "end"]);
  });
});

describe("shortNumber", () => {
  it.each([
    [0, "0"],
    [0.25, "0.25"],
    [1200, "1200"],
    [15_000, "15k"],
    [1_234_567, "1.23M"],
    [2_500_000_000, "2.5e9"],
    [0.000012, "1.2e-5"],
    [-3, "-3"],
  ])("%d is %s", (value, text) => expect(shortNumber(value)).toBe(text));
});

describe("pages", () => {
  it("escape what comes from outside", () => {
    expect(htmlPage({ title: "<x>", body: "" })).toContain("<title>&lt;x&gt;</title>");
    expect(legend([{ name: "<x>", color: "red" }])).not.toContain("<x>");
    expect(barChart([{ name: "<x>", share: 1, value: "<y>", note: "<z>" }], "red")).not.toMatch(/<[xyz]>/);
  });

  it("load again only where it is asked for", () => {
    expect(htmlPage({ title: "t", body: "" })).not.toContain("refresh");
    expect(htmlPage({ title: "t", body: "", refreshSeconds: 15 })).toContain('http-equiv="refresh" content="15"');
  });

  it("bars stay in their track", () => {
    const html = barChart(
      [
        { name: "a", share: 0.5, value: "" },
        { name: "b", share: Number.NaN, value: "–" },
      ],
      "red",
    );
    expect([...html.matchAll(/width:([\d.]+)%/g)].map(([, width]) => width)).toEqual(["50.00", "0"]);
  });
});

describe("matrixTable", () => {
  it("colours by the largest value off the diagonal", () => {
    const options = { classes: ["a", "b"], tint: "red", text: String, rows: "r", columns: "c" };
    const html = matrixTable(
      [
        [100, 4],
        [2, 50],
      ],
      options,
    );
    expect([...html.matchAll(/--v:([\d.]+)/g)].map(([, v]) => Number(v))).toEqual([1, 0.5]);
  });
});

describe("reliabilityDiagram", () => {
  it("draws accuracy as a bar and its distance from the confidence as a gap", () => {
    const svg = reliabilityDiagram([
      { count: 0, confidence: 0, accuracy: 0 },
      { count: 10, confidence: 0.75, accuracy: 0.5 },
    ]);
    const heights = [...svg.matchAll(/<g>.*?<\/g>/g)].flatMap(([group]) => [...group.matchAll(/height="([\d.]+)"/g)]);
    const [bar, gap] = heights.map(([, height]) => Number(height));
    expect(bar! / gap!).toBeCloseTo(2, 1); // 0.5 to 0.25
    expect(svg).toContain("50.0 % to 100.0 %: accuracy 50.0 %, confidence 75.0 %, 10 images");
    expect(svg.match(/<g>/g)).toHaveLength(1); // an empty bin has no bar
  });
});
