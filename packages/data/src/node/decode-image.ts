import { RepvggError } from "@repvgg/core";
import type { SharpConstructor } from "sharp";
import { decodeBmp, isBmp } from "../formats/bmp.ts";
import { decodePnm, isPnm } from "../formats/pnm.ts";
import { isTiff, readTiffTags, TIFF_TAG } from "../formats/tiff-tags.ts";
import type { Box, ByteImage, Size } from "../image/byte-image.ts";
import { isAvif } from "../image-header.ts";
import { type JpegDecoder, loadJpegDecoder } from "../jpeg/jpeg-decoder.ts";
import { isJpeg } from "../jpeg/jpeg-markers.ts";
import { surveyJpeg } from "../jpeg/survey-jpeg.ts";

/** Pillow's own limit: more pixels are taken for an attack, before anything is decoded. */
const MAX_PIXELS = 178_956_970;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47];
const GREY_PNG = 0;
/** Of TIFF. */
const PHOTOMETRIC = { blackIsZero: 1, cmyk: 5 } as const;

/** What needs more than sharp's own way to RGB. */
type Kind = "cmyk" | "grey16" | "usual";

/**
 * Decodes an image to RGB, as Pillow's `convert("RGB")` gives it: grey is repeated, transparency is left away, CMYK is
 * multiplied out, 16-bit colour keeps its high bytes and 16-bit grey is clipped. Colour profiles and EXIF orientation are
 * ignored.
 *
 * @param bytes JPEG, PNG, WebP, BMP, PGM, PPM, GIF or TIFF; borrowed.
 * @param name For messages.
 * @param wanted The part of an image of this size that is needed: other pixels mean nothing. @default all of it
 * @throws {RepvggError} `E_DATA`: no image, truncated or damaged, of another kind, or of too many pixels.
 */
export async function decodeImage(bytes: Uint8Array, name: string, wanted?: (size: Size) => Box): Promise<ByteImage> {
  return (await decodeUsual(bytes, name, wanted)) ?? decodeUnusual(bytes, name);
}

/**
 * The same for who is done with an image before the next: the usual JPEG stays in the memory of `decoder`, until that decodes again.
 * Its pixels are some megabytes, and to make room for those of each image anew costs time and leaves holes in the memory.
 */
export async function decodeImageIn(
  decoder: JpegDecoder,
  bytes: Uint8Array,
  name: string,
  wanted?: (size: Size) => Box,
): Promise<ByteImage> {
  assertImage(bytes, name);
  return decoder.decode(bytes, wanted) ?? decodeUnusual(bytes, name);
}

/** Like {@link decodeImage}, but refuses also data with mistakes, which Pillow reads past. */
export async function decodeStrictly(bytes: Uint8Array, name: string): Promise<ByteImage> {
  return (await decodeUsual(bytes, name)) ?? decodeUnusual(bytes, name, "warning");
}

/** The usual JPEG, in memory of its own; undefined for all else. */
async function decodeUsual(bytes: Uint8Array, name: string, wanted?: (size: Size) => Box) {
  assertImage(bytes, name);
  jpegDecoder ??= await loadJpegDecoder();
  const usual = jpegDecoder.decode(bytes, wanted);
  return usual && { ...usual, data: usual.data.slice() };
}

/**
 * All but the usual JPEG.
 *
 * @param failOn "truncated": Pillow too reads files with mistakes in their data, but none that end too early.
 */
async function decodeUnusual(
  bytes: Uint8Array,
  name: string,
  failOn: "truncated" | "warning" = "truncated",
): Promise<ByteImage> {
  try {
    if (isBmp(bytes)) return decodeBmp(bytes, MAX_PIXELS);
    if (isPnm(bytes)) return decodePnm(bytes, MAX_PIXELS);
    const kind = kindOf(bytes);
    const { data, info } = await pipelineOf(bytes, kind, failOn, await loadSharp()).toBuffer({
      resolveWithObject: true,
    });
    const { width, height, channels } = info;
    const samples =
      (info as { depth?: string }).depth === "ushort"
        ? clipped(new Uint16Array(data.buffer, data.byteOffset, data.length / 2))
        : data;
    return { height, width, channels: 3, data: toRgb(samples, channels, height * width, kind === "cmyk") };
  } catch (cause) {
    throw new RepvggError(
      "E_DATA",
      `${name} cannot be decoded as an image: ${reasonOf(cause)}. Is it a complete JPEG, PNG or WebP file? If a viewer shows it, save it anew there.`,
      { cause },
    );
  }
}

/** libvips gives a line, with its own name, for each mistake that it came upon. */
const reasonOf = (cause: unknown) =>
  (cause as Error).message
    .replaceAll(/^Vips\w+: /gm, "")
    .trim()
    .replaceAll("\n", "; ");

let jpegDecoder: JpegDecoder | undefined;
let loading: Promise<SharpConstructor> | undefined;

/** 30 ms that only those who decode pay. */
function loadSharp(): Promise<SharpConstructor> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    sharp.concurrency(1); // An image is too small to be shared; several are decoded at once.
    sharp.cache(false);
    return sharp;
  });
  return loading;
}

function pipelineOf(bytes: Uint8Array, kind: Kind, failOn: "truncated" | "warning", sharp: SharpConstructor) {
  const image = sharp(bytes, { ignoreIcc: true, failOn, limitInputPixels: MAX_PIXELS, sequentialRead: true });
  if (kind === "cmyk") return image.pipelineColourspace("cmyk").toColourspace("cmyk").raw();
  if (kind === "grey16") return image.toColourspace("grey16").raw({ depth: "ushort" });
  return image.raw();
}

/** Pillow gives 16-bit grey to RGB so: all above 255 is white. */
function clipped(samples: Uint16Array): Uint8Array {
  return Uint8Array.from(samples, (value) => Math.min(value, 255));
}

/** `channels` are 1 (grey), 2 (grey, alpha), 3 (RGB), 4 (RGB, alpha, or CMYK). */
function toRgb(samples: Uint8Array, channels: number, pixels: number, cmyk: boolean): Uint8Array {
  if (channels === 3) return samples;
  const data = new Uint8Array(pixels * 3);
  for (let i = 0, from = 0; i < data.length; i += 3, from += channels) {
    for (let c = 0; c < 3; c++) {
      const sample = samples[from + (channels < 3 ? 0 : c)]!;
      data[i + c] = cmyk ? withoutBlack(sample, samples[from + 3]!) : sample;
    }
  }
  return data;
}

/** Pillow's product of two inks, in whole numbers. */
function withoutBlack(ink: number, black: number): number {
  const light = 255 - black;
  const product = ink * light + 128;
  return Math.max(0, light - (((product >> 8) + product) >> 8));
}

/** @throws {Error} It is damaged, or of a kind whose numbers cannot be had. */
function kindOf(bytes: Uint8Array): Kind {
  if (isTiff(bytes)) return kindOfTiff(bytes);
  if (isJpeg(bytes)) return kindOfJpeg(bytes);
  return isGrey16Png(bytes) ? "grey16" : "usual";
}

function kindOfJpeg(bytes: Uint8Array): Kind {
  const { components, damage } = surveyJpeg(bytes);
  if (damage) throw new Error(damage);
  return components === 4 ? "cmyk" : "usual";
}

/** @throws {RangeError} Pillow gives other numbers than can be had here: inks of 16 bits, 16-bit grey that begins with white. */
function kindOfTiff(bytes: Uint8Array): Kind {
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const tags = readTiffTags({ length: bytes.length, read });
  const [bits, photometric] = [tags?.get(TIFF_TAG.bitsPerSample) ?? 1, tags?.get(TIFF_TAG.photometric)];
  const isGrey16 = bits === 16 && (tags?.get(TIFF_TAG.samplesPerPixel) ?? 1) === 1;
  const isCmyk = photometric === PHOTOMETRIC.cmyk;
  if ((isCmyk && bits !== 8) || (isGrey16 && photometric !== PHOTOMETRIC.blackIsZero)) {
    throw new RangeError(
      `a TIFF of this kind (${bits} bits, photometric interpretation ${photometric}) is not read; save it as PNG`,
    );
  }
  return isCmyk ? "cmyk" : isGrey16 ? "grey16" : "usual";
}

/** A PNG whose header says 16-bit grey, without alpha. */
function isGrey16Png(bytes: Uint8Array): boolean {
  return PNG_SIGNATURE.every((byte, i) => bytes[i] === byte) && bytes[24] === 16 && bytes[25] === GREY_PNG;
}

/** Says what common impostors are. */
function assertImage(bytes: Uint8Array, name: string): void {
  if (bytes.length === 0) throw new RepvggError("E_DATA", `${name} is empty: 0 bytes. Fetch it again, or remove it.`);
  if (isAvif(bytes)) {
    throw new RepvggError("E_DATA", `${name} is an AVIF image, which is not read. Convert it to PNG.`);
  }
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 256)).trimStart().toLowerCase();
  if (!/^<(!doctype html|html|head|\?xml[^>]*>\s*<html)/.test(start)) return;
  throw new RepvggError(
    "E_DATA",
    `${name} cannot be decoded as an image: it is an HTML page, perhaps a server's error message. Fetch the image again.`,
  );
}
