import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { encodePng, pngDataUri } from "./png.ts";

describe("encodePng", () => {
  it.each([
    ["grey", [2, 3], 0, [0, 0, 255, 7, 0, 128, 64, 1]],
    ["colour", [1, 2, 3], 2, [0, 0, 255, 7, 128, 64, 1]],
  ] as const)("is a %s PNG of these pixels", (_, shape, colorType, rows) => {
    const png = Buffer.from(encodePng([0, 255, 7, 128, 64, 1], shape));
    expect(png.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect(png.toString("latin1", 12, 16)).toBe("IHDR");
    expect([png.readUInt32BE(20), png.readUInt32BE(16), png[24], png[25]]).toEqual([shape[0], shape[1], 8, colorType]);
    const length = png.readUInt32BE(33);
    expect(png.toString("latin1", 37, 41)).toBe("IDAT");
    expect([...inflateSync(png.subarray(41, 41 + length))]).toEqual(rows);
  });

  it("ends with the checksum that every PNG ends with", () => {
    const png = Buffer.from(encodePng([0], [1, 1]));
    expect(png.subarray(-8).toString("hex")).toBe("49454e44ae426082"); // IEND and its CRC, as the specification has it
  });

  it("refuses other channels and missing values", () => {
    expect(() => encodePng([1, 2], [1, 1, 2])).toThrow("1 or 3 channels");
    expect(() => encodePng([1, 2], [1, 1, 3])).toThrow("got 2 values for 1x1x3");
  });

  it("is an address in a page", () => {
    expect(pngDataUri(Uint8Array.of(0x89, 0x50))).toBe("data:image/png;base64,iVA=");
  });
});
