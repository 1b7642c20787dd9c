import { LazyState, type NdArray, type StateDict } from "@repvgg/core";
import { arrayInMemory, type Piece, piecesOf } from "./array-in-memory.ts";
import { memoryShape } from "./file-layout.ts";
import type { StoredTensor } from "./stored-weights.ts";
import { FiniteCheck } from "./tensors.ts";

/**
 * A network's state that stays in its file: an array is read when its data are asked for.
 *
 * @param tensors By the names that the state has.
 * @param options `finite`: all elements are known to be.
 */
export function storedState(
  tensors: ReadonlyMap<string, StoredTensor>,
  options?: { readonly finite: boolean },
): LazyState {
  const arrays = [...tensors].map(
    ([name, tensor]) => [name, { shape: memoryShape(tensor.shape), make: () => arrayInMemory(tensor).data }] as const,
  );
  return new LazyState(new Map(arrays), options);
}

/** Where the arrays of a state are. */
export type StatePlace = "in memory" | "in the file";

/**
 * The state of these tensors. All are read once, to see that they are finite, wherever they are then.
 *
 * @param nameIn An entry's name as the file has it.
 * @throws {RepvggError} `E_CHECKPOINT`: elements are NaN or infinite; the message names all tensors that have some.
 */
export function stateIn(
  place: "in memory",
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
  nameIn?: (name: string) => string,
): StateDict;
export function stateIn(
  place: StatePlace,
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
  nameIn?: (name: string) => string,
): ReadonlyMap<string, NdArray>;
export function stateIn(
  place: StatePlace,
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
  nameIn: (name: string) => string = (name) => name,
): ReadonlyMap<string, NdArray> {
  const check = new FiniteCheck(source);
  const arrays = new Map<string, NdArray>();
  for (const [name, tensor] of tensors) {
    const look = ({ values, first }: Piece) => check.look(nameIn(name), values, first);
    if (place === "in memory") arrays.set(name, arrayInMemory(tensor, look));
    else for (const piece of piecesOf(tensor)) look(piece);
  }
  check.finish();
  return place === "in memory" ? arrays : storedState(tensors, { finite: true });
}
