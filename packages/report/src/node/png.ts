import { crc32, deflateSync } from "node:zlib";

/** Colour types of the specification, by how many channels an image has. */
const COLOR_TYPE: Readonly<Record<number, number>> = { 1: 0, 3: 2 };

/**
 * An image as a PNG file: a few hundred bytes for a digit.
 *
 * @param pixels `height · width · channels` values from 0 to 255, row by row; 1 channel is grey, 3 are red, green and blue.
 * @throws {RangeError} Another number of channels or of values.
 * @see PNG specification, §11 (chunks) and §9 (filter type 0).
 */
export function encodePng(
  pixels: ArrayLike<number>,
  [height, width, channels = 1]: readonly [height: number, width: number, channels?: number],
): Uint8Array {
  const colorType = COLOR_TYPE[channels];
  if (colorType === undefined || pixels.length !== height * width * channels) {
    throw new RangeError(
      `A PNG needs 1 or 3 channels and all their values, got ${pixels.length} values for ${height}x${width}x${channels}.`,
    );
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colorType, 0, 0, 0], 8); // 8 bits a channel, deflate, adaptive filters, not interlaced

  const stride = width * channels;
  const rows = Buffer.alloc(height * (stride + 1)); // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < stride; i++) rows[y * (stride + 1) + 1 + i] = pixels[y * stride + i]!;
  }

  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A PNG as the address of an image in a page. */
export function pngDataUri(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
