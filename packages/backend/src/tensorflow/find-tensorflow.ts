import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, sep } from "node:path";
import { RepvggError } from "@repvgg/core";

/** TensorFlow's libraries as its wheels have them since 2.12. */
export const LIBRARIES =
  process.platform === "darwin"
    ? (["libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib"] as const)
    : (["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const);

const C_API = "include/tensorflow/c/eager/c_api.h";

export const linkError = (message: string, cause?: unknown) => new RepvggError("E_DEVICE", message, { cause });

/**
 * The folder of an installed TensorFlow: its libraries and headers.
 *
 * @param from A folder (`site-packages` or the `tensorflow` in it), a wheel, or a Python that has TensorFlow.
 * @param bindingPackage Folder of tfjs-node, which a wheel is unpacked into.
 * @throws {RepvggError} `E_DEVICE`: there is none, it is too old, or of another processor.
 */
export function findTensorflow(from: string, bindingPackage: string): string {
  const folder = realpathSync(
    from.endsWith(".whl") ? unpackWheel(from, bindingPackage) : isFolder(from) ? inFolder(from) : askPython(from),
  );
  for (const library of LIBRARIES) {
    if (existsSync(join(folder, library))) continue;
    throw linkError(
      `${folder} has no ${library}. TensorFlow 2.12 or newer is needed: pip install --upgrade tensorflow-cpu.`,
    );
  }
  if (!existsSync(join(folder, C_API))) {
    throw linkError(
      `${folder} has no headers (${C_API}). Install TensorFlow anew: pip install --force-reinstall tensorflow-cpu.`,
    );
  }
  checkProcessor(join(folder, LIBRARIES[0]));
  return folder;
}

const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();

const inFolder = (folder: string) => (isFolder(join(folder, "tensorflow")) ? join(folder, "tensorflow") : folder);

/** Finds without importing, which would take seconds. */
const FIND =
  "import importlib.util as u; s = u.find_spec('tensorflow'); print('\\n'.join(s.submodule_search_locations or []) if s else '')";

function askPython(python: string): string {
  let output: string;
  try {
    output = execFileSync(python, ["-c", FIND], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (cause) {
    throw linkError(pythonFailure(python, cause as NodeJS.ErrnoException & { stderr?: string }), cause);
  }
  const folders = output.trim().split("\n").filter(Boolean);
  const found = folders.find((folder) => existsSync(join(folder, LIBRARIES[0]))) ?? folders[0];
  if (found) return found;
  throw linkError(
    `${python} has no TensorFlow. Run: ${python} -m pip install tensorflow-cpu (or tensorflow[and-cuda] for a GPU).`,
  );
}

function pythonFailure(python: string, { code, stderr = "" }: NodeJS.ErrnoException & { stderr?: string }): string {
  const others = "name a folder, a wheel or another Python with --from";
  if (code === "ENOENT") return `There is no "${python}". Install Python, or ${others}.`;
  if (code) return `${python} cannot be run (${code}). Make it executable, or ${others}.`;
  return `${python} failed: ${stderr.trim().split("\n").at(-1)}.`;
}

/** What is used of adm-zip, which tfjs-node brings. */
interface Zip {
  getEntries(): { entryName: string; getData(): Uint8Array }[];
}

function unpackWheel(wheel: string, bindingPackage: string): string {
  if (!existsSync(wheel)) throw linkError(`There is no file ${wheel}.`);
  const folder = join(bindingPackage, "deps", "wheel");
  const AdmZip = createRequire(join(bindingPackage, "package.json"))("adm-zip") as new (file: string) => Zip;
  try {
    const entries = new AdmZip(wheel).getEntries();
    rmSync(folder, { recursive: true, force: true }); // of an earlier wheel
    for (const entry of entries) {
      const { entryName } = entry;
      const wanted =
        LIBRARIES.some((library) => entryName === `tensorflow/${library}`) ||
        /^tensorflow\/include\/.*\.h$/.test(entryName);
      const path = join(folder, entryName);
      if (!wanted || !path.startsWith(folder + sep)) continue;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, entry.getData());
    }
  } catch (cause) {
    throw linkError(
      `${basename(wheel)} cannot be read as a wheel: ${(cause as Error).message}. Download it again.`,
      cause,
    );
  }
  mkdirSync(join(folder, "tensorflow"), { recursive: true });
  return join(folder, "tensorflow");
}

/** ELF's numbers of processors. */
const PROCESSORS: Record<number, string> = { 62: "x64", 183: "arm64" };

function checkProcessor(library: string): void {
  if (process.platform !== "linux") return;
  const header = Buffer.alloc(20);
  const file = openSync(library, "r");
  readSync(file, header, 0, header.length, 0);
  closeSync(file);
  if (header.readUInt32BE(0) !== 0x7f454c46)
    throw linkError(`${library} is no library of Linux. Is the installation damaged?`);
  const processor = PROCESSORS[header.readUInt16LE(18)] ?? "another processor";
  if (processor === process.arch) return;
  throw linkError(
    `${library} is for ${processor}, this Node for ${process.arch}. Install the TensorFlow of this processor.`,
  );
}
