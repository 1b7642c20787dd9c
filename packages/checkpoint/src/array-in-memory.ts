import { type NdArray, sizeOf } from "@repvgg/core";
import { DTYPE_BYTES, viewAsFloat32 } from "./dtypes.ts";
import { memoryShape, putOutputs } from "./file-layout.ts";
import type { StoredTensor } from "./stored-weights.ts";

/** What is read at a time: little enough for the cache, enough for a call of the system to be nothing. */
const PIECE_BYTES = 2 ** 19;

/** Some rows of a tensor, a row being all of one output channel. */
export interface Piece {
  readonly firstRow: number;
  /** The element that it begins with, in the file's order. */
  readonly first: number;
  /** Borrowed until the next piece is read. */
  readonly values: Float32Array;
}

/** A tensor, piece by piece: of a large one, the bytes are never in memory as a whole. */
export function* piecesOf({ dtype, shape, read, readPart }: StoredTensor): Generator<Piece> {
  const rows = shape[0] ?? 1;
  const perRow = sizeOf(shape.slice(1));
  const rowBytes = perRow * DTYPE_BYTES[dtype];
  if (readPart === undefined || rows * rowBytes <= PIECE_BYTES) {
    yield { firstRow: 0, first: 0, values: viewAsFloat32(read(), dtype) };
    return;
  }
  const together = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
  for (let row = 0; row < rows; row += together) {
    const bytes = readPart(row * rowBytes, Math.min(rows, row + together) * rowBytes);
    yield { firstRow: row, first: row * perRow, values: viewAsFloat32(bytes, dtype) };
  }
}

/**
 * A tensor of a file as an array of its own, in memory layout.
 *
 * @param look Sees the pieces on the way, while they are in the cache.
 */
export function arrayInMemory(tensor: StoredTensor, look: (piece: Piece) => void = () => {}): NdArray {
  const { shape } = tensor;
  const data = new Float32Array(sizeOf(shape));
  for (const piece of piecesOf(tensor)) {
    look(piece);
    if (shape.length === 4 || shape.length === 2) putOutputs(data, shape, piece.firstRow, piece.values);
    else data.set(piece.values, piece.first);
  }
  return { shape: memoryShape(shape), data };
}
