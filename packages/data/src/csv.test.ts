import { describe, expect, it } from "vitest";
import { parseCsv } from "./csv.ts";

describe("parseCsv", () => {
  it("reads quotes, doubled quotes, commas and line breaks in fields, and any end of line", () => {
    expect(parseCsv('path,label\r\n"a, b.jpg",cat\n"say ""hi"".jpg","two\nlines"\r\n\nlast.jpg,')).toEqual([
      ["path", "label"],
      ["a, b.jpg", "cat"],
      ['say "hi".jpg', "two\nlines"],
      ["last.jpg", ""],
    ]);
  });

  it("leaves a byte order mark out", () => {
    expect(parseCsv("\uFEFFpath,label")).toEqual([["path", "label"]]);
    expect(parseCsv("")).toEqual([]);
  });

  it("names the line of a quotation mark that is not closed", () => {
    expect(() => parseCsv('a,b\n"c,d\ne,f', "t.csv")).toThrow(
      "t.csv has a quotation mark in line 2 that is not closed",
    );
  });
});
