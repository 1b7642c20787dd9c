import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { digitPng } from "./digit-png.ts";

describe("digitPng", () => {
  it("is a grey PNG of these pixels", () => {
    const png = Buffer.from(digitPng([0, 255, 7, 128, 64, 1], [2, 3]).replace("data:image/png;base64,", ""), "base64");
    expect(png.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect(png.toString("latin1", 12, 16)).toBe("IHDR");
    expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]]).toEqual([3, 2, 8, 0]);
    const length = png.readUInt32BE(33);
    expect(png.toString("latin1", 37, 41)).toBe("IDAT");
    expect([...inflateSync(png.subarray(41, 41 + length))]).toEqual([0, 0, 255, 7, 0, 128, 64, 1]);
  });

  it("ends with the checksum that every PNG ends with", () => {
    const png = Buffer.from(digitPng([0], [1, 1]).replace("data:image/png;base64,", ""), "base64");
    expect(png.subarray(-8).toString("hex")).toBe("49454e44ae426082"); // IEND and its CRC, as the specification has it
  });
});
