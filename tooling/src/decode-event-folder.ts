import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** An event as {@link decodeEventFolder} reads it. */
export interface DecodedEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  values: DecodedValue[];
}

interface DecodedValue {
  tag: string;
  scalar?: number;
  image?: { height: number; width: number; colorspace: number; bytes: Uint8Array };
  histogram?: {
    min: number;
    max: number;
    num: number;
    sum: number;
    sumSquares: number;
    limits: number[];
    counts: number[];
  };
}

/** Reads event files without any code of what writes them: bit by bit where that is tabulated, generic where that is typed. */
export async function decodeEventFolder(folder: string): Promise<DecodedEvent[]> {
  const names = (await readdir(folder)).filter((name) => name.includes("tfevents")).sort();
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return files.flatMap((file) => records(file).map(decodeEvent));
}

function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32LE(at) + 2 ** 32 * file.readUInt32LE(at + 4);
    const data = file.subarray(at + 12, at + 12 + length);
    const sums = [masked(file.subarray(at, at + 8)), masked(data)];
    const stored = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 12 + length)];
    if (String(sums) !== String(stored)) throw new Error(`wrong checksum at byte ${at}`);
    found.push(data);
    at += 16 + length;
  }
  return found;
}

function masked(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (0x82f63b78n * (crc & 1n));
  }
  crc ^= 0xffffffffn;
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** Field number → what it holds, in order. */
function fields(bytes: Buffer): Map<number, (number | Buffer)[]> {
  const found = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    let value: number | Buffer;
    if (tag % 8 === 0) value = varint();
    else if (tag % 8 === 2) {
      const length = varint();
      value = bytes.subarray(at, at + length);
      at += length;
    } else {
      value = tag % 8 === 1 ? bytes.readDoubleLE(at) : bytes.readFloatLE(at);
      at += tag % 8 === 1 ? 8 : 4;
    }
    found.set(tag >> 3, [...(found.get(tag >> 3) ?? []), value]);
  }
  return found;
}

function decodeEvent(bytes: Buffer): DecodedEvent {
  const event = fields(bytes);
  const version = event.get(3)?.[0];
  const summary = event.get(5)?.[0];
  return {
    wallTime: event.get(1)?.[0] as number,
    step: (event.get(2)?.[0] as number | undefined) ?? 0,
    ...(version !== undefined && { fileVersion: String(version) }),
    values: summary === undefined ? [] : (fields(summary as Buffer).get(1) ?? []).map((v) => decodeValue(v as Buffer)),
  };
}

function decodeValue(bytes: Buffer): DecodedValue {
  const value = fields(bytes);
  const decoded: DecodedValue = { tag: String(value.get(1)![0]) };
  const [scalar, image, histogram] = [2, 4, 5].map((field) => value.get(field)?.[0]);
  if (scalar !== undefined) decoded.scalar = scalar as number;
  if (image !== undefined) {
    const [height, width, colorspace, png] = [1, 2, 3, 4].map((field) => fields(image as Buffer).get(field)![0]);
    decoded.image = { height, width, colorspace, bytes: png } as NonNullable<DecodedValue["image"]>;
  }
  if (histogram !== undefined) {
    const parts = fields(histogram as Buffer);
    const [min, max, num, sum, sumSquares] = [1, 2, 3, 4, 5].map((field) => parts.get(field)![0] as number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const doubles = (field: number) => {
      const packed = parts.get(field)![0] as Buffer;
      return Array.from({ length: packed.length / 8 }, (_, i) => packed.readDoubleLE(8 * i));
    };
    decoded.histogram = { min, max, num, sum, sumSquares, limits: doubles(6), counts: doubles(7) };
  }
  return decoded;
}
