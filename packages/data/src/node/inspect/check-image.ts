import type { ByteSource, ImageFormat } from "../../image-header.ts";
import { isAvif, readImageHeader } from "../../image-header.ts";

/** What can be wrong with an image file. */
export type ImageFault = "empty-file" | "not-an-image" | "truncated" | "too-large" | "unreadable" | "undecodable";

/** More pixels than any photograph: a decompression bomb, or a damaged header. The limit of sharp, some 268 million. */
export const MAX_PIXELS = 0x3fff * 0x3fff;

/** One image as its header shows it. */
export interface CheckedImage {
  readonly format?: ImageFormat;
  readonly width: number;
  readonly height: number;
  readonly fault?: ImageFault;
  /** What was found instead, for people. */
  readonly detail?: string;
}

/** Looks at the header and the end of an image. */
export function checkImage(source: ByteSource): CheckedImage {
  const none = { width: 0, height: 0 };
  if (source.length === 0) return { ...none, fault: "empty-file" };
  const header = readImageHeader(source);
  if (header === undefined) return { ...none, fault: "not-an-image", detail: describeContent(source) };
  const { isTruncated, ...image } = header;
  if (isTruncated) return { ...image, fault: "truncated" };
  if (image.width === 0 || image.height === 0) {
    return { ...image, fault: "not-an-image", detail: "its header gives it no pixels" };
  }
  if (image.width * image.height <= MAX_PIXELS) return image;
  return { ...image, fault: "too-large", detail: `its header says ${image.width}x${image.height} pixels` };
}

function describeContent(source: ByteSource): string {
  const bytes = source.read(0, 64);
  const text = String.fromCharCode(...bytes).trim();
  if (/^<(!doctype html|html|head|\?xml|svg)/i.test(text)) {
    return /svg/i.test(text) ? "an SVG drawing" : "an HTML or XML page, as a failed download leaves";
  }
  if (isAvif(bytes)) return "an AVIF image; convert it to PNG";
  if (text.startsWith("version https://git-lfs")) return "a Git LFS pointer; run `git lfs pull`";
  if (bytes.every((byte) => byte === 0)) return "only zeros";
  return bytes.every((byte) => byte >= 9 && byte < 127) ? "text" : "of an unknown format";
}
