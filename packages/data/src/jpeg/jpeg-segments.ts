import { SOS } from "./jpeg-markers.ts";

export interface JpegSegment {
  readonly marker: number;
  /** Where what the marker says begins, behind the length. */
  readonly start: number;
  readonly end: number;
}

/** The segments up to the first scan's. */
export function headerSegments(bytes: Uint8Array): JpegSegment[] {
  const segments: JpegSegment[] = [];
  for (let at = nextMarker(bytes, 2); at + 4 <= bytes.length; ) {
    const segment = segmentAt(bytes, at);
    segments.push(segment);
    if (segment.marker === SOS) break;
    at = nextMarker(bytes, segment.end);
  }
  return segments;
}

/** @param at Where its marker's two bytes stand. */
export function segmentAt(bytes: Uint8Array, at: number): JpegSegment {
  const length = (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
  return { marker: bytes[at + 1]!, start: at + 4, end: at + 2 + Math.max(length, 2) };
}

/** Where the next marker's two bytes stand; `bytes.length`: nowhere. Stuffed zeros and fill bytes make none. */
export function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff) return at;
  }
  return bytes.length;
}
