import { extname } from "node:path";
import {
  type Checkpoint,
  type Content,
  checkpointContent,
  type OnnxOptions,
  type OpenCheckpoint,
  onnxContent,
  parseTfjs,
  pthContent,
  type SerializeOptions,
  serializeTfjs,
} from "@repvgg/checkpoint";
import {
  openCheckpoint,
  openOnnx,
  readTfjsFolder,
  writeFileAtomically,
  writeTfjsFolder,
} from "@repvgg/checkpoint/node";
import { type Form, RepvggError } from "@repvgg/core";
import { assertSameCheckpoint, damaged } from "./assert-same-checkpoint.ts";

/** A kind of file that a network can be written as. */
interface ExportFormat {
  readonly extensions: readonly string[];
  /** The form that is written unless another is asked for; undefined: the checkpoint's. */
  readonly defaultForm: Form | undefined;
  /** Whether the weights can have timm's names. */
  readonly renames: boolean;
  /** @throws {RepvggError} The format has no such network. */
  prepare(checkpoint: Checkpoint, options: FormatOptions): Export;
}

/** What is ready to be written. */
interface Export {
  readonly sizeBytes: number;
  /**
   * Writes the file, or the folder, completely or not at all: it gets its name once what was read back is the checkpoint.
   *
   * @throws {RepvggError} `E_CHECKPOINT`: it is not, or nothing can be written.
   */
  write(out: string): Promise<void>;
}

type FormatOptions = SerializeOptions & OnnxOptions;

export type ExportFormatName = "onnx" | "safetensors" | "pth" | "tfjs";

export const EXPORT_FORMATS: Readonly<Record<ExportFormatName, ExportFormat>> = {
  onnx: {
    extensions: [".onnx"],
    defaultForm: "deploy", // It is for inference.
    renames: false,
    prepare: inFile(onnxContent, openOnnx),
  },
  safetensors: {
    extensions: [".safetensors"],
    defaultForm: undefined,
    renames: true,
    prepare: inFile(checkpointContent, (file) => openCheckpoint(file)),
  },
  pth: {
    extensions: [".pth", ".pt"],
    defaultForm: undefined,
    renames: true,
    prepare: inFile(pthContent, (file) => openCheckpoint(file)),
  },
  tfjs: {
    extensions: [], // A folder.
    defaultForm: "deploy",
    renames: false,
    prepare: inTfjsFolder,
  },
};

/** One file, of which one array at a time is in memory, written and read. */
function inFile(
  contentOf: (checkpoint: Checkpoint, options: FormatOptions) => Content,
  open: (file: string) => Promise<OpenCheckpoint>,
): ExportFormat["prepare"] {
  return (checkpoint, options) => {
    const content = contentOf(checkpoint, options);
    return {
      sizeBytes: content.size,
      write: (out) =>
        writeFileAtomically(out, content, {
          check: async (file) => assertSameCheckpoint(checkpoint, await open(file), out),
        }),
    };
  };
}

function inTfjsFolder(checkpoint: Checkpoint, options: FormatOptions): Export {
  const files = serializeTfjs(checkpoint, options);
  return {
    sizeBytes: [...files.values()].reduce((sum, { length }) => sum + length, 0),
    async write(out) {
      assertSameCheckpoint(checkpoint, parseTfjs(files, out), out);
      await writeTfjsFolder(out, files);
      const found = await readTfjsFolder(out);
      for (const [name, bytes] of files) {
        if (!found.has(name) || Buffer.compare(found.get(name)!, bytes) !== 0) throw damaged(out);
      }
    },
  };
}

/**
 * The format of that file.
 *
 * @param other Where the extension is that of no format.
 * @throws {RepvggError} `E_USAGE`: it is, and there is no `other`.
 */
export function exportFormatOf(file: string, other?: ExportFormatName): ExportFormatName {
  const extension = extname(file).toLowerCase();
  for (const [name, { extensions }] of Object.entries(EXPORT_FORMATS)) {
    if (extensions.includes(extension)) return name as ExportFormatName;
  }
  if (other !== undefined) return other;
  const known = Object.values(EXPORT_FORMATS).flatMap(({ extensions }) => extensions);
  throw new RepvggError(
    "E_USAGE",
    `The extension of ${file} does not say what to write. Name it ${known.join(", ")}, or give --format (tfjs writes a folder).`,
  );
}
