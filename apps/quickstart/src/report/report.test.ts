import { describe, expect, it } from "vitest";
import type { QuickstartResult } from "../result.ts";
import { renderReport } from "./report.ts";
import { sampleResult } from "./test-result.ts";

const withErrors = (distilled: number): QuickstartResult => {
  const { seeds } = sampleResult();
  return sampleResult({
    seeds: seeds.map((seed) => ({ ...seed, distilled: { ...seed.distilled, errors: distilled } })),
  });
};

describe("renderReport", () => {
  const html = renderReport(sampleResult());

  it("needs nothing but itself: no script, no request", () => {
    expect(html).not.toMatch(/<script|<link|@import|url\((?!#)/);
    const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address!);
    for (const address of addresses) expect(address).toMatch(/^(data:image\/png;base64,|#)/);
  });

  it("opens with the result in one sentence", () => {
    expect(html).toContain("<em>20 % fewer errors</em>"); // 343 → 273
    expect(html).toContain("343 → 273");
  });

  it("does not boast when the distilled student is no better", () => {
    expect(renderReport(withErrors(360))).toContain("<em>5 % more errors</em> in this run");
    expect(renderReport(withErrors(343))).toContain("as many errors as alone");
  });

  it("names the mean when there are several seeds", () => {
    const [first] = sampleResult().seeds;
    const several = renderReport(sampleResult({ seeds: [first!, { ...first!, seed: 2 }] }));
    expect(several).toContain("mean of 2 seeds");
    expect(several.match(/student distilled<\/th>/g)).toHaveLength(2);
    expect(several).toContain("All that follows is about seed 1.");
    expect(html).not.toContain("All that follows");
  });

  it("has every section and every mistake", () => {
    const titles = [...html.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title);
    expect(titles).toEqual([
      "The trainings",
      "How they learn",
      "What it confuses, and what it was told",
      "Its worst mistakes",
      "One block, before and after fusion",
      "Speed of both forms",
      "Settings and machine",
    ]);
    expect(html.match(/<article/g)).toHaveLength(8);
    expect(html.match(/data:image\/png/g)).toHaveLength(8);
  });

  it("draws three runs in each chart, wide and narrow", () => {
    for (const color of ["teacher", "alone", "distilled"]) {
      expect(html.match(new RegExp(`stroke="var\\(--${color}\\)"`, "g"))!.length).toBeGreaterThanOrEqual(6);
    }
    expect(html).not.toContain("NaN");
  });

  it("escapes what comes from outside", () => {
    expect(html).toContain("A &lt;fast&gt; CPU");
    expect(html).not.toContain("<fast>");
  });

  it("says so when there are no mistakes", () => {
    expect(renderReport(sampleResult({ mistakes: [] }))).toContain("The student made none.");
  });
});
