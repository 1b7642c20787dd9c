import { describe, expect, it } from "vitest";
import { table } from "./table.ts";

describe("table", () => {
  it("aligns its columns, without blanks at the end", () => {
    const columns = [{ title: "name", align: "left" }, { title: "n" }, { title: "source", align: "left" }] as const;
    const rows = [
      ["a", "1,000", "paper"],
      ["longer", "5", ""],
    ];
    expect(table(columns, rows)).toBe(["name        n  source", "a       1,000  paper", "longer      5"].join("\n"));
  });
});
