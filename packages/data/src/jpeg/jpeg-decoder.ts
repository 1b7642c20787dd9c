import type { Box, ByteImage } from "../image/byte-image.ts";
import { loadWasm } from "../image/load-wasm.ts";
import { WasmArena } from "../image/wasm-arena.ts";
import { type BaselineHeader, baselineHeader, type JpegComponent } from "./baseline-header.ts";
import { EOI } from "./jpeg-markers.ts";

/** What ../../assembly/jpeg.ts exports. */
interface JpegKernels {
  readonly memory: WebAssembly.Memory;
  buildTable(counts: number, table: number): number;
  decodeScan(
    source: number,
    end: number,
    top: number,
    components: number,
    count: number,
    rows: number,
    columns: number,
    restart: number,
    zigzag: number,
    workspace: number,
  ): number;
  toRgb(
    components: number,
    count: number,
    across: number,
    down: number,
    width: number,
    height: number,
    target: number,
    firstRow: number,
    endRow: number,
    first: number,
    end: number,
    scratch: number,
  ): void;
}

/** Larger ones are left to a decoder that returns its memory: this one's would stay. */
const MAX_PIXELS = 2 ** 24;
const BLOCK = 8;
const TABLE_BYTES = 6544;
const WORKSPACE_BYTES = 512;
const OVERRUN = 64;
const STREAM_MARGIN = 2048;
/** Around the wanted pixels: neighbours that the chroma is interpolated with, and whole units. */
const WINDOW_MARGIN = 16;

/** The places in a block, in bytes of 16-bit numbers, of the coefficients in the order of a file. */
const ZIGZAG = Uint8Array.from(zigzag(), (place) => place * 2);

/**
 * Decodes the usual JPEG to the same bytes as libjpeg-turbo, and so Pillow, does: in WebAssembly, on the calling thread.
 *
 *     const decoder = await loadJpegDecoder();
 *     const image = decoder.decode(bytes) ?? (await another(bytes));
 */
export class JpegDecoder {
  readonly #kernels: JpegKernels;

  constructor(kernels: JpegKernels) {
    this.#kernels = kernels;
  }

  /**
   * @param bytes Borrowed.
   * @param wanted The part of an image of this size that is needed: other pixels mean nothing. @default all of it
   * @returns RGB of the whole size, in the decoder's own memory: it is gone when the next image is decoded. undefined: no JPEG, an
   *   unusual one (see {@link baselineHeader}), a damaged or a very large one.
   */
  decode(bytes: Uint8Array, wanted?: (size: readonly [height: number, width: number]) => Box): ByteImage | undefined {
    const header = baselineHeader(bytes);
    if (!header || header.width * header.height > MAX_PIXELS) return undefined;
    const { height, width } = header;
    const window = wanted?.([height, width]) ?? { top: 0, left: 0, height, width };
    const arena = new WasmArena(this.#kernels.memory);
    const components = this.#placeComponents(arena, header, widened(window, header));
    if (components === undefined || !this.#decodeScan(arena, bytes, header, components)) return undefined;
    return { height, width, channels: 3, data: this.#toRgb(arena, header, components, window) };
  }

  /** @returns The address of their fields, as the kernels know them; undefined: a Huffman table is none. */
  #placeComponents(arena: WasmArena, header: BaselineHeader, window: Box): number | undefined {
    const { rows, columns } = units(header);
    const [largest] = header.components;
    const tables = new Map<Uint8Array, number>();
    for (const table of header.components.flatMap(({ dcTable, acTable }) => [dcTable, acTable])) {
      if (tables.has(table)) continue;
      const at = arena.reserve(TABLE_BYTES);
      if (!this.#kernels.buildTable(arena.place(table), at)) return undefined;
      tables.set(table, at);
    }
    const fields = header.components.flatMap(({ across, down, quantization, dcTable, acTable }: JpegComponent) => {
      const stride = columns * across * BLOCK;
      const plane = arena.reserve(stride * rows * down * BLOCK, OVERRUN);
      const weights = arena.place(new Uint8Array(Uint16Array.from(quantization).buffer));
      const [x, y] = [(BLOCK * largest!.across) / across, (BLOCK * largest!.down) / down];
      const [left, right] = [window.left / x, (window.left + window.width) / x];
      const [top, bottom] = [window.top / y, (window.top + window.height) / y];
      const own = [plane, stride, across, down, weights, tables.get(dcTable)!, tables.get(acTable)!, 0];
      return [...own, Math.floor(left), Math.ceil(right), Math.floor(top), Math.ceil(bottom)];
    });
    return arena.place(new Uint8Array(Int32Array.from(fields).buffer));
  }

  /** @returns false: damaged. */
  #decodeScan(arena: WasmArena, bytes: Uint8Array, header: BaselineHeader, components: number): boolean {
    const { rows, columns } = units(header);
    const scan = bytes.subarray(header.scanStart);
    const source = arena.place(scan);
    const top = arena.reserve(scan.length, STREAM_MARGIN) + scan.length + STREAM_MARGIN;
    const zigzag = arena.place(ZIGZAG);
    const workspace = arena.place(new Uint8Array(WORKSPACE_BYTES));
    const { length } = header.components;
    const end = this.#kernels.decodeScan(
      source,
      source + scan.length,
      top,
      components,
      length,
      rows,
      columns,
      header.restart,
      zigzag,
      workspace,
    );
    return end !== 0 && scan[end - source] === 0xff && scan[end - source + 1] === EOI;
  }

  #toRgb(arena: WasmArena, { height, width, components }: BaselineHeader, fields: number, window: Box): Uint8Array {
    const scratch = arena.place(new Uint8Array(4 * (width + 64)));
    const target = arena.reserve(width * height * 3, OVERRUN);
    const [{ across, down }] = components as [JpegComponent];
    const first = window.left - (window.left % WINDOW_MARGIN);
    const rows = [window.top, window.top + window.height] as const;
    const columns = [first, window.left + window.width] as const;
    this.#kernels.toRgb(fields, components.length, across, down, width, height, target, ...rows, ...columns, scratch);
    return arena.bytes.subarray(target, target + width * height * 3);
  }
}

/** @throws {RepvggError} `E_DEVICE`: the binary cannot be read, or this JavaScript engine refuses it. */
export async function loadJpegDecoder(): Promise<JpegDecoder> {
  return new JpegDecoder(await loadWasm<JpegKernels>("jpeg", "decoding JPEG"));
}

function units({ width, height, components }: BaselineHeader): { rows: number; columns: number } {
  const [{ across, down }] = components as [JpegComponent];
  return { rows: Math.ceil(height / (BLOCK * down)), columns: Math.ceil(width / (BLOCK * across)) };
}

/** With a margin, as far as the image's units go. */
function widened({ top, left, height, width }: Box, header: BaselineHeader): Box {
  const { rows, columns } = units(header);
  const [{ across, down }] = header.components as [JpegComponent];
  const [first, start] = [Math.max(0, top - WINDOW_MARGIN), Math.max(0, left - 2 * WINDOW_MARGIN)];
  const bottom = Math.min(rows * down * BLOCK, top + height + WINDOW_MARGIN);
  const right = Math.min(columns * across * BLOCK, left + width + 2 * WINDOW_MARGIN);
  return { top: first, left: start, height: bottom - first, width: right - start };
}

/** Along the diagonals, there and back. */
function zigzag(): number[] {
  const places = Array.from({ length: BLOCK * BLOCK }, (_, place) => place);
  const diagonal = (place: number) => (place >> 3) + (place & 7);
  const along = (place: number) => (diagonal(place) % 2 === 0 ? place & 7 : place >> 3);
  return places.sort((a, b) => diagonal(a) - diagonal(b) || along(a) - along(b));
}
