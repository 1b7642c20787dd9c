import { describe, expect, it } from "vitest";
import { type NumberFormat, pythonFormat } from "./python-format.ts";

describe("pythonFormat", () => {
  // Right-hand sides printed by CPython 3's format().
  it.each<[number, NumberFormat, string]>([
    [0.123, ":6.3f", " 0.123"],
    [1.2345, ":.4e", "1.2345e+00"],
    [0.00012345678, ":.4e", "1.2346e-04"],
    [1.5e-123, ":.4e", "1.5000e-123"],
    [123456.789, ":.4e", "1.2346e+05"],
    [72.409, ":6.2f", " 72.41"],
    [0, ":.4e", "0.0000e+00"],
    [-0, ":6.2f", " -0.00"],
    [-0.001, ":6.2f", " -0.00"],
    [0.125, ":.2f", "0.12"],
    [0.375, ":.2f", "0.38"],
    [2.5, ":.0f", "2"],
    [3.5, ":.0f", "4"],
    [-2.5, ":.0f", "-2"],
    [1.005, ":.2f", "1.00"],
    [1.25, ":.1e", "1.2e+00"],
    [1.75, ":.1e", "1.8e+00"],
    [9.9999, ":.2e", "1.00e+01"],
    [1e22, ":.1f", "10000000000000000000000.0"],
    [1234567.5, ":6.3f", "1234567.500"],
    [Number.NaN, ":6.2f", "   nan"],
    [Number.POSITIVE_INFINITY, ":6.2f", "   inf"],
    [Number.NEGATIVE_INFINITY, ":.4e", "-inf"],
  ])("%s in %s is %j", (value, format, text) => {
    expect(pythonFormat(value, format)).toBe(text);
  });

  it("refuses a format that it does not know", () => {
    expect(() => pythonFormat(1, ":6d" as NumberFormat)).toThrow(/":6d" is not understood.*":6\.3f"/);
  });
});
