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
   * Writes the file, or the folder, completely or not at all.
   *
   * @param check Is given what was read back, before it gets its name.
   */
  write(out: string, check: Check): Promise<void>;
}

type FormatOptions = SerializeOptions & OnnxOptions;
type Check = (read: OpenCheckpoint) => void;

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
      write: (out, check) => writeFileAtomically(out, content, { check: async (file) => check(await open(file)) }),
    };
  };
}

function inTfjsFolder(checkpoint: Checkpoint, options: FormatOptions): Export {
  const files = serializeTfjs(checkpoint, options);
  return {
    sizeBytes: [...files.values()].reduce((sum, { length }) => sum + length, 0),
    async write(out, check) {
      check(parseTfjs(files, out));
      await writeTfjsFolder(out, files);
      const found = await readTfjsFolder(out);
      for (const [name, bytes] of files) {
        if (!found.has(name) || Buffer.compare(found.get(name)!, bytes) !== 0) throw damaged(out);
      }
    },
  };
}

/** What is read is not what was written. */
export function damaged(out: string): RepvggError {
  return new RepvggError("E_CHECKPOINT", `${out} does not hold what was written to it: the disk may be failing.`);
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
