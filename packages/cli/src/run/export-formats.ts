import { extname } from "node:path";
import {
  type Checkpoint,
  type LoadedCheckpoint,
  type OnnxOptions,
  parseCheckpoint,
  parseOnnx,
  type SerializeOptions,
  serializeCheckpoint,
  serializeOnnx,
  serializePth,
} from "@repvgg/checkpoint";
import { type Form, RepvggError } from "@repvgg/core";

/** A kind of file that a network can be written as. */
interface ExportFormat {
  readonly extensions: readonly string[];
  /** The form that is written unless another is asked for; undefined: the checkpoint's. */
  readonly defaultForm: Form | undefined;
  /** Whether the weights can have timm's names. */
  readonly renames: boolean;
  serialize(checkpoint: Checkpoint, options: SerializeOptions & OnnxOptions): Uint8Array;
  /** Reads what `serialize` gave. */
  parse(bytes: Uint8Array, source: string): LoadedCheckpoint;
}

export type ExportFormatName = "onnx" | "safetensors" | "pth";

export const EXPORT_FORMATS: Readonly<Record<ExportFormatName, ExportFormat>> = {
  onnx: {
    extensions: [".onnx"],
    defaultForm: "deploy", // It is for inference.
    renames: false,
    serialize: serializeOnnx,
    parse: parseOnnx,
  },
  safetensors: {
    extensions: [".safetensors"],
    defaultForm: undefined,
    renames: true,
    serialize: serializeCheckpoint,
    parse: (bytes, source) => parseCheckpoint(bytes, source),
  },
  pth: {
    extensions: [".pth", ".pt"],
    defaultForm: undefined,
    renames: true,
    serialize: serializePth,
    parse: (bytes, source) => parseCheckpoint(bytes, source),
  },
};

/** The format of that file. @throws {RepvggError} `E_USAGE`: its extension is that of no format. */
export function exportFormatOf(file: string): ExportFormatName {
  const extension = extname(file).toLowerCase();
  for (const [name, { extensions }] of Object.entries(EXPORT_FORMATS)) {
    if (extensions.includes(extension)) return name as ExportFormatName;
  }
  const known = Object.values(EXPORT_FORMATS).flatMap(({ extensions }) => extensions);
  throw new RepvggError(
    "E_USAGE",
    `The extension of ${file} does not say what to write. Name it ${known.join(", ")}, or give --format.`,
  );
}
