import type { ByteImage } from "../image/byte-image.ts";

interface Kind {
  readonly channels: 1 | 3;
  readonly isText: boolean;
}

/** By the second character. */
const KINDS: Readonly<Record<string, Kind>> = {
  "2": { channels: 1, isText: true },
  "3": { channels: 3, isText: true },
  "5": { channels: 1, isText: false },
  "6": { channels: 3, isText: false },
};
const LARGEST_SAMPLE = 65535;

const kindOf = (bytes: Uint8Array) => KINDS[String.fromCharCode(bytes[1] ?? 0)];

export const isPnm = (bytes: Uint8Array) => bytes[0] === 0x50 && kindOf(bytes) !== undefined && isSpace(bytes[2]);

/**
 * Decodes a PGM or PPM, as text or bytes, to RGB, as Pillow's `convert("RGB")` gives it: grey of more than 8 bits is clipped, not
 * scaled.
 *
 * @param maxPixels More are refused by the header.
 * @throws {Error} It is damaged.
 */
export function decodePnm(bytes: Uint8Array, maxPixels: number): ByteImage {
  const { channels, isText } = kindOf(bytes)!;
  const numbers = new Numbers(bytes, 2);
  const [width, height, largest] = [numbers.next(), numbers.next(), numbers.next()];
  if (width < 1 || height < 1 || largest < 1 || largest > LARGEST_SAMPLE) throw new Error("the PNM has a bad header");
  if (width * height > maxPixels) throw new Error("the PNM exceeds the pixel limit");
  const sampleBytes = largest > 255 ? 2 : 1;
  const start = numbers.position + 1;
  const samples = width * height * channels;
  if (!isText && start + samples * sampleBytes > bytes.length) throw new Error("the PNM ends too early");
  const read = isText
    ? () => numbers.next()
    : (i: number) => (sampleBytes === 1 ? bytes[start + i]! : bytes[start + 2 * i]! * 256 + bytes[start + 2 * i + 1]!);

  const most = channels === 1 && largest > 255 ? LARGEST_SAMPLE : 255;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < samples; i++) {
    const sample = read(i);
    const byte = Math.min(255, most, largest === most ? sample : halfToEven((sample / largest) * most));
    if (channels === 3) data[i] = byte;
    else data.fill(byte, i * 3, i * 3 + 3);
  }
  return { height, width, channels: 3, data };
}

/** As Python's round(). */
function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Whole numbers between white space; comments reach from # to the end of the line. */
class Numbers {
  readonly #bytes: Uint8Array;
  /** After the last number. */
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  next(): number {
    const bytes = this.#bytes;
    for (; isSpace(bytes[this.position]) || bytes[this.position] === 0x23; this.position++) {
      if (bytes[this.position] !== 0x23) continue;
      while (this.position < bytes.length && bytes[this.position] !== 0x0a) this.position++;
    }
    const start = this.position;
    while (isDigit(bytes[this.position])) this.position++;
    if (start === this.position) throw new Error("the PNM has no number where one is due");
    return Number(new TextDecoder("latin1").decode(bytes.subarray(start, this.position)));
  }
}

const isSpace = (byte: number | undefined) => byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;
