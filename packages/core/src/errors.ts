/** Stable, greppable identifiers. Never renamed; retired codes stay listed in docs/errors.md. */
export type RepvggErrorCode =
  | "E_SHAPE"
  | "E_SPEC"
  | "E_STATE"
  | "E_DISPOSED"
  | "E_CHECKPOINT"
  | "E_DATA"
  | "E_NETWORK"
  | "E_DEVICE"
  | "E_MEMORY"
  | "E_UNSUPPORTED"
  | "E_DIVERGED"
  | "E_ABORTED"
  | "E_LOCKED"
  | "E_USAGE";

/** Base class of every error thrown on purpose by a `@repvgg/*` package: what happened, why, and what to do. */
export class RepvggError extends Error {
  override readonly name: string = "RepvggError";
  readonly code: RepvggErrorCode;

  constructor(code: RepvggErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An array does not have the shape that the operation needs. */
export class ShapeError extends RepvggError {
  override readonly name = "ShapeError";

  constructor(subject: string, expected: string, actual: readonly number[]) {
    super("E_SHAPE", `${subject} must have shape ${expected}, got [${actual.join(", ")}].`);
  }
}
