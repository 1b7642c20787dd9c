import { DRI, isFrameMarker, SOF2, SOF10, SOS } from "./jpeg-markers.ts";
import { headerSegments, type JpegSegment } from "./jpeg-segments.ts";
import { damageBehindScan } from "./scan-end.ts";

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
  const header = headerSegments(bytes);
  const frame = header.find(({ marker }) => isFrameMarker(marker));
  return { components: frame && bytes[frame.start + 5], damage: damageOf(bytes, header, frame) };
}

function damageOf(bytes: Uint8Array, header: readonly JpegSegment[], frame: JpegSegment | undefined) {
  if (bytes[2] !== 0xff) return "no marker follows its first one";
  const scan = header.at(-1);
  if (!frame || scan?.marker !== SOS) return undefined; // Every decoder finds that.
  const isOnlyScan = bytes[scan.start] === bytes[frame.start + 5];
  if (!isOnlyScan || frame.marker === SOF2 || frame.marker === SOF10) return undefined; // All scans are read before the first pixel.
  const interval = header.findLast(({ marker, start, end }) => marker === DRI && end === start + 2);
  const units = interval ? uint16(bytes, interval.start) : 0;
  const restarts = units > 0 ? Math.ceil(unitsOf(bytes, frame) / units) - 1 : 0;
  return damageBehindScan(bytes, scan.end, restarts);
}

/** Of a scan of all components: blocks of one, or as many of each as its sampling factors say. */
function unitsOf(bytes: Uint8Array, { start }: JpegSegment): number {
  const [height, width, count] = [uint16(bytes, start + 1), uint16(bytes, start + 3), bytes[start + 5]!];
  const samplings = Array.from({ length: count }, (_, c) => bytes[start + 7 + 3 * c]!);
  const [across, down] =
    count === 1
      ? [1, 1]
      : [Math.max(...samplings.map((both) => both >> 4)), Math.max(...samplings.map((both) => both & 15))];
  return Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
}

const uint16 = (bytes: Uint8Array, at: number) => bytes[at]! * 256 + bytes[at + 1]!;
