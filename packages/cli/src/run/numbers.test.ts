import { describe, expect, it } from "vitest";
import { duration, grouped, percent, quantile, scaled } from "./numbers.ts";

describe("numbers for people", () => {
  it("groups thousands", () => {
    expect([0, 999, 1000, 8309384].map(grouped)).toEqual(["0", "999", "1,000", "8,309,384"]);
  });

  it("scales to thousands, millions and thousands of millions", () => {
    expect([12, 7586, 8309384, 1361451008].map(scaled)).toEqual(["12", "7.586 k", "8.309 M", "1.361 G"]);
  });

  it("gives fractions as percent", () => {
    expect([percent(0.7241), percent(0.905, 3)]).toEqual(["72.41", "90.500"]);
  });

  it("gives durations in the two largest units", () => {
    expect([0.4, 75, 3600 + 125].map(duration)).toEqual(["0 s", "1 min 15 s", "1 h 2 min"]);
  });
});

describe("quantile", () => {
  it("interpolates between neighbours", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3], 0.5)).toBe(2);
    expect(quantile([0, 10], 0.9)).toBe(9);
    expect(quantile([5], 0.1)).toBe(5);
  });
});
