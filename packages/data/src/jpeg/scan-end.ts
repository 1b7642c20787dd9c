import { APP0, APP15, COM, DNL, DQT, DRI, EOI, RST0, SOF0, SOI, TEM } from "./jpeg-markers.ts";
import { nextMarker, segmentAt } from "./jpeg-segments.ts";

/**
 * What libjpeg objects to behind the data of the only scan.
 *
 * @param at Where these data begin.
 * @param restarts Places in the scan where it expects a restart marker.
 * @returns undefined: nothing.
 */
export function damageBehindScan(bytes: Uint8Array, at: number, restarts: number): string | undefined {
  for (let place = endOfData(bytes, at, restarts); place < bytes.length; ) {
    const { marker, end } = segmentAt(bytes, place);
    if (marker === EOI) return undefined;
    const isAlone = isRestart(marker) || marker === TEM;
    const isIgnored = (marker >= APP0 && marker <= APP15) || marker === COM || marker === DNL;
    const isWhole = (marker === DRI && end === place + 6) || (marker === DQT && areTables(bytes, place));
    if (!isAlone && !isIgnored && !isWhole) {
      return `the marker ff${marker.toString(16).padStart(2, "0")} stands among or after its pixels`;
    }
    place = nextMarker(bytes, isAlone ? place + 2 : end);
  }
  return undefined; // With all of its pixels; a decoder that needs more says so.
}

/**
 * The marker at which libjpeg stops to decode. Between restart markers it looks for the next one where another stands: it skips what
 * is none, and restart markers that have passed, and keeps those that come soon.
 *
 * @see jpeg_resync_to_restart of libjpeg
 */
function endOfData(bytes: Uint8Array, at: number, restarts: number): number {
  let place = nextMarker(bytes, at);
  for (let expected = 0; expected < restarts && place < bytes.length; ) {
    const marker = bytes[place + 1]!;
    const ahead = (marker - RST0 - expected) & 7;
    if (marker >= SOF0 && !isRestart(marker)) break;
    if (marker < SOF0 || ahead >= 6) place = nextMarker(bytes, place + 2);
    else {
      expected++;
      if (ahead !== 1 && ahead !== 2) place = nextMarker(bytes, place + 2);
    }
  }
  return place;
}

const isRestart = (marker: number) => marker >= RST0 && marker < SOI;

/** Whether the quantisation tables fill their segment, or the file ends before that can be seen. */
function areTables(bytes: Uint8Array, place: number): boolean {
  const { start, end } = segmentAt(bytes, place);
  let at = start;
  while (at < end && (bytes[at]! & 15) < 4) at += bytes[at]! < 16 ? 65 : 129;
  return at === end || at > bytes.length;
}
