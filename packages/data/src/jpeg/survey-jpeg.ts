import { APP0, APP15, COM, DNL, DRI, EOI, isFrameMarker, RST0, SOF2, SOF10, SOI, SOS, TEM } from "./jpeg-markers.ts";

interface Segment {
  readonly marker: number;
  /** Where what the marker says begins, behind the length. */
  readonly start: number;
  readonly end: number;
}

/** What is seen in a JPEG without decoding it. */
export interface JpegSurvey {
  /** As the frame header says; undefined: there is none before the first scan. */
  readonly components: number | undefined;
  /**
   * Damage at which libjpeg ends with an error only when it has given all pixels, and which libvips therefore does not see: what
   * stands between the data of the only scan and the end of the image. Pillow, and so torchvision, refuses such files. Undefined:
   * nothing of this kind.
   */
  readonly damage: string | undefined;
}

/** @param bytes A JPEG. */
export function surveyJpeg(bytes: Uint8Array): JpegSurvey {
  const header = headerOf(bytes);
  const frame = header.find(isFrame);
  return { components: frame && bytes[frame.start + 5], damage: damageOf(bytes, frame, header.at(-1)) };
}

function damageOf(bytes: Uint8Array, frame: Segment | undefined, scan: Segment | undefined): string | undefined {
  if (bytes[2] !== 0xff) return "no marker follows its first one";
  if (!frame || scan?.marker !== SOS) return undefined; // Every decoder finds that.
  const isOnlyScan = bytes[scan.start] === bytes[frame.start + 5];
  if (!isOnlyScan || frame.marker === SOF2 || frame.marker === SOF10) return undefined; // All scans are read before the first pixel.
  return damageAfter(bytes, scan.end);
}

const isFrame = ({ marker }: Segment) => isFrameMarker(marker);

/** The segments up to the first scan's. */
function headerOf(bytes: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  for (let at = nextMarker(bytes, 2); at + 4 <= bytes.length; ) {
    const segment = segmentAt(bytes, at);
    segments.push(segment);
    if (segment.marker === SOS) break;
    at = nextMarker(bytes, segment.end);
  }
  return segments;
}

/** @param at Where the data of the scan begin. */
function damageAfter(bytes: Uint8Array, at: number): string | undefined {
  for (let place = nextMarker(bytes, at); place < bytes.length; ) {
    const { marker, end } = segmentAt(bytes, place);
    if (marker === EOI) return undefined;
    const isAlone = isRestart(marker) || marker === TEM;
    const isIgnored = (marker >= APP0 && marker <= APP15) || marker === COM || marker === DNL;
    const mayBeSkipped = isAlone || isIgnored || (marker === DRI && end === place + 6);
    if (!mayBeSkipped) return `the marker ff${marker.toString(16).padStart(2, "0")} stands among or after its pixels`;
    place = nextMarker(bytes, isAlone ? place + 2 : end);
  }
  return undefined; // With all of its pixels; a decoder that needs more says so.
}

const isRestart = (marker: number) => marker >= RST0 && marker < SOI;

function segmentAt(bytes: Uint8Array, at: number): Segment {
  const length = (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
  return { marker: bytes[at + 1]!, start: at + 4, end: at + 2 + Math.max(length, 2) };
}

/** Where the next marker's two bytes stand; `bytes.length`: nowhere. Stuffed zeros and fill bytes make none. */
function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff) return at;
  }
  return bytes.length;
}
