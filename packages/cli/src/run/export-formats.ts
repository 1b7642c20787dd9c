import { extname } from "node:path";
import {
  type Checkpoint,
  type LoadedCheckpoint,
  type OnnxOptions,
  parseCheckpoint,
  parseOnnx,
  parseTfjs,
  type SerializeOptions,
  serializeCheckpoint,
  serializeOnnx,
  serializePth,
  serializeTfjs,
} from "@repvgg/checkpoint";
import { type Form, RepvggError } from "@repvgg/core";

/** A file's bytes, or the files of a folder by name. */
export type Written = Uint8Array | ReadonlyMap<string, Uint8Array>;

/** A kind of file that a network can be written as. */
interface ExportFormat {
  readonly extensions: readonly string[];
  /** The form that is written unless another is asked for; undefined: the checkpoint's. */
  readonly defaultForm: Form | undefined;
  /** Whether the weights can have timm's names. */
  readonly renames: boolean;
  serialize(checkpoint: Checkpoint, options: SerializeOptions & OnnxOptions): Written;
  /** Reads what `serialize` gave. */
  parse(written: Written, source: string): LoadedCheckpoint;
}

export type ExportFormatName = "onnx" | "safetensors" | "pth" | "tfjs";

export const EXPORT_FORMATS: Readonly<Record<ExportFormatName, ExportFormat>> = {
  onnx: {
    extensions: [".onnx"],
    defaultForm: "deploy", // It is for inference.
    renames: false,
    serialize: serializeOnnx,
    parse: (written, source) => parseOnnx(bytesOf(written), source),
  },
  safetensors: {
    extensions: [".safetensors"],
    defaultForm: undefined,
    renames: true,
    serialize: serializeCheckpoint,
    parse: (written, source) => parseCheckpoint(bytesOf(written), source),
  },
  pth: {
    extensions: [".pth", ".pt"],
    defaultForm: undefined,
    renames: true,
    serialize: serializePth,
    parse: (written, source) => parseCheckpoint(bytesOf(written), source),
  },
  tfjs: {
    extensions: [], // A folder.
    defaultForm: "deploy",
    renames: false,
    serialize: serializeTfjs,
    parse: (written, source) => parseTfjs(written instanceof Uint8Array ? new Map() : written, source),
  },
};

function bytesOf(written: Written): Uint8Array {
  if (written instanceof Uint8Array) return written;
  throw new RepvggError("E_CHECKPOINT", "A folder was given where one file is read.");
}

/** The format of that file. @throws {RepvggError} `E_USAGE`: its extension is that of no format. */
export function exportFormatOf(file: string): ExportFormatName {
  const extension = extname(file).toLowerCase();
  for (const [name, { extensions }] of Object.entries(EXPORT_FORMATS)) {
    if (extensions.includes(extension)) return name as ExportFormatName;
  }
  const known = Object.values(EXPORT_FORMATS).flatMap(({ extensions }) => extensions);
  throw new RepvggError(
    "E_USAGE",
    `The extension of ${file} does not say what to write. Name it ${known.join(", ")}, or give --format (tfjs writes a folder).`,
  );
}
