import { describe, expect, it } from "vitest";
import { count, duration, millions, milliseconds, percent, shortPercent, tiny } from "./format.ts";

describe("format", () => {
  it("writes figures as people read them", () => {
    expect(count(154_322)).toBe("154,322");
    expect(percent(0.21314)).toBe("21.3 %");
    expect([0.12, 0.125, 0.99251, 1].map(shortPercent)).toEqual(["12 %", "12.5 %", "99.25 %", "100 %"]);
    expect(milliseconds(0.0412)).toBe("41.2 µs");
    expect(milliseconds(1.2345)).toBe("1.23 ms");
    expect(milliseconds(123.4)).toBe("123 ms");
    expect(millions(2_531_328)).toBe("2.53 M");
    expect(millions(589_824)).toBe("590 k");
    expect(millions(640)).toBe("640");
    expect(tiny(0.00000298)).toBe("3.0e-6");
    expect(tiny(0)).toBe("0");
  });

  it("rounds seconds so that no minute has 60", () => {
    expect(duration(3.04)).toBe("3.0 s");
    expect(duration(59.4)).toBe("59 s");
    expect(duration(59.6)).toBe("1 min 00 s");
    expect(duration(119.7)).toBe("2 min 00 s");
    expect(duration(3599.6)).toBe("1 h 00 min");
    expect(duration(36_125)).toBe("10 h 02 min");
  });
});
