import { describe, expect, it } from "vitest";
import type { RunData } from "./read-run.ts";
import { runPage } from "./run-page.ts";
import type { ValidationDetails } from "./validation-details.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const CLASSES = Array.from({ length: 100 }, (_, i) => (i === 7 ? "<b>seven</b>" : `class ${i}`));

function validation(): ValidationDetails {
  const confused = Array.from({ length: 60 }, (_, i) => ({ label: i, predicted: 99 - i, count: 60 - i })).filter(
    ({ label }) => label !== 5, // it has no image
  );
  const mistake = { index: 3, label: 7, predicted: 8, labelProbability: 0.01, predictedProbability: 0.9 };
  return {
    epoch: 2,
    split: "val",
    classes: CLASSES,
    support: CLASSES.map((_, i) => (i === 5 ? 0 : 100)),
    right: CLASSES.map((_, i) => (i === 5 ? 0 : i)),
    predicted: CLASSES.map(() => 50),
    confused,
    calibration: { error: null, bins: [{ count: 0, confidence: 0, accuracy: 0 }] },
    mistakes: [{ ...mistake, png: "iVBORw0KGgo=", size: [2, 2] }],
  };
}

const status = (more: Partial<NonNullable<RunData["status"]>> = {}): NonNullable<RunData["status"]> => ({
  ...{ state: "running", step: 30, totalSteps: 100, epoch: 3, epochs: 10, etaSeconds: 70 },
  ...{ device: "wasm", threads: 2, updatedAt: NOW.toISOString(), ...more },
});

const record = { epoch: 1, loss: 0.5, top1: 0.5, top5: 0.9, lr: 0.1, imagesPerSecond: 100, seconds: 4 };
const run = (more: Partial<RunData> = {}): RunData => ({
  ...{ folder: "runs/<i>x</i>", name: "<i>x</i>", command: "train", model: "a0", version: "1.0.0" },
  ...{ settings: { data: "photos", lr: 0.5, momentum: 0.9 }, scalars: new Map(), validation: undefined },
  history: [
    { ...record, split: "train" },
    { ...record, split: "val" },
  ],
  status: status(),
  ...more,
});

describe("runPage", () => {
  it("escapes what comes from outside", () => {
    const page = runPage(run({ validation: validation() }), NOW);
    expect(page).toContain("&lt;i&gt;x&lt;/i&gt;");
    expect(page).not.toMatch(/<i>|<b>seven/);
  });

  it("shows of 100 classes those that are confused most, and those with the lowest accuracy", () => {
    const page = runPage(run({ validation: validation() }), NOW);
    const matrix = page.slice(page.indexOf('class="matrix"'), page.indexOf("</table>"));
    const columns = [...matrix.matchAll(/scope="col">([^<]*)/g)].map(([, name]) => name);
    expect(columns).toHaveLength(20);
    expect(columns.slice(0, 2)).toEqual(["class 0", "class 1"]);
    expect(columns.at(-1)).toBe("class 99");
    const bars = [...page.matchAll(/class="bar"><div class="name">([^<]*)/g)].map(([, name]) => name);
    expect(bars.slice(0, 3)).toEqual(["class 0", "class 1", "class 2"]);
    expect(bars).not.toContain("class 5"); // it has no image
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("loads itself again while the run goes on, and only then", () => {
    expect(runPage(run(), NOW)).toContain('<meta http-equiv="refresh" content="10">');
    expect(runPage(run(), NOW)).toContain("Running: step 30 of 100, epoch 3 of 10, about 1 min 10 s left.");
    for (const more of [
      { state: "finished" },
      { state: "failed", message: "why" },
      { updatedAt: "2026-01-02T02:00:00Z" },
    ] as const) {
      expect(runPage(run({ status: status(more) }), NOW)).not.toContain("http-equiv");
    }
  });

  it("says of a run that is silent that it may have been killed, and how to go on", () => {
    const page = runPage(run({ status: status({ updatedAt: "2026-01-02T02:00:00Z" }) }), NOW);
    expect(page).toContain("Not heard of since 2026-01-02 02:00 UTC, step 30 of 100");
  });

  it("is a page before the first epoch, too, and without anything", () => {
    const scalars = new Map([
      [
        "step/loss",
        [
          [1, Number.NaN],
          [2, 1.5],
        ] as const,
      ],
    ]);
    for (const more of [{ scalars }, { status: undefined }]) {
      const page = runPage(run({ history: [], ...more }), NOW);
      expect(page).toContain("No epoch is done yet");
      expect(page).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it("puts what differs from the defaults first", () => {
    const page = runPage(run(), NOW);
    const chosen = page.slice(page.indexOf("Configuration"), page.indexOf("<details><summary>All 3 settings"));
    expect(chosen).toContain("<dt>--lr</dt><dd>0.5</dd>");
    expect(chosen).not.toContain("--momentum");
  });
});
