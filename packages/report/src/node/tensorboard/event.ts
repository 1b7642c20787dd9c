import { ProtobufWriter, readProtobuf } from "@repvgg/checkpoint";
import { type Histogram, histogramOf } from "./histogram.ts";

/** Field numbers of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2, image: 4, histogram: 5 } as const;
const IMAGE = { height: 1, width: 2, colorspace: 3, encodedImage: 4 } as const;
const HISTOGRAM = { min: 1, max: 2, num: 3, sum: 4, sumSquares: 5, bucketLimit: 6, bucket: 7 } as const;
/** Of `Summary.Image`: the number of channels. */
const RGB = 3;

/** One value of a step. */
export type SummaryValue =
  | { readonly tag: string; readonly scalar: number }
  | { readonly tag: string; readonly image: { readonly png: Uint8Array; readonly size: readonly [number, number] } }
  | { readonly tag: string; readonly histogram: ArrayLike<number> };

/** The first event of every file: what its format is. */
export function fileVersionEvent(wallTime: number): Uint8Array {
  return new ProtobufWriter().double(EVENT.wallTime, wallTime).text(EVENT.fileVersion, "brain.Event:2").finish();
}

/** @param wallTime Seconds since 1970. */
export function summaryEvent(values: readonly SummaryValue[], step: number, wallTime: number): Uint8Array {
  const summary = new ProtobufWriter();
  for (const value of values) summary.message(SUMMARY.value, encodeValue(value));
  return new ProtobufWriter()
    .double(EVENT.wallTime, wallTime)
    .integer(EVENT.step, step)
    .message(EVENT.summary, summary)
    .finish();
}

function encodeValue(value: SummaryValue): ProtobufWriter {
  const encoded = new ProtobufWriter().text(VALUE.tag, value.tag);
  if ("scalar" in value) return encoded.float(VALUE.simpleValue, value.scalar);
  if ("histogram" in value) return encoded.message(VALUE.histogram, encodeHistogram(histogramOf(value.histogram)));
  const { png, size } = value.image;
  const image = new ProtobufWriter()
    .integer(IMAGE.height, size[0])
    .integer(IMAGE.width, size[1])
    .integer(IMAGE.colorspace, RGB)
    .bytes(IMAGE.encodedImage, png);
  return encoded.message(VALUE.image, image);
}

function encodeHistogram({ min, max, num, sum, sumSquares, limits, counts }: Histogram): ProtobufWriter {
  return new ProtobufWriter()
    .double(HISTOGRAM.min, min)
    .double(HISTOGRAM.max, max)
    .double(HISTOGRAM.num, num)
    .double(HISTOGRAM.sum, sum)
    .double(HISTOGRAM.sumSquares, sumSquares)
    .doubles(HISTOGRAM.bucketLimit, limits)
    .doubles(HISTOGRAM.bucket, counts);
}

/** Of which step an event is, and what it tells of it. */
export interface EventFacts {
  readonly step: number;
  readonly tags: readonly string[];
  /** The scalars among them, by tag. */
  readonly scalars: ReadonlyMap<string, number>;
}

/** @throws {RepvggError} `E_CHECKPOINT`: the bytes are no message. */
export function readEventFacts(event: Uint8Array): EventFacts {
  let step = 0;
  const tags: string[] = [];
  const scalars = new Map<string, number>();
  for (const { field, value } of readProtobuf(event, "The event")) {
    if (field === EVENT.step && typeof value === "number") step = value;
    if (field !== EVENT.summary || typeof value === "number") continue;
    for (const summary of readProtobuf(value, "The summary")) {
      if (summary.kind !== "bytes") continue;
      const { tag, scalar } = readValue(summary.value);
      if (tag === undefined) continue;
      tags.push(tag);
      if (scalar !== undefined) scalars.set(tag, scalar);
    }
  }
  return { step, tags, scalars };
}

function readValue(value: Uint8Array): { tag?: string; scalar?: number } {
  const found: { tag?: string; scalar?: number } = {};
  for (const part of readProtobuf(value, "The summary's value")) {
    if (part.field === VALUE.tag && part.kind === "bytes") found.tag = new TextDecoder().decode(part.value);
    if (part.field === VALUE.simpleValue && part.kind === "float") found.scalar = part.value;
  }
  return found;
}
