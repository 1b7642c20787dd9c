import { RepvggError } from "@repvgg/core";

/** Its install script only fetches CUDA libraries. */
const INSTALL = "npm install --ignore-scripts onnxruntime-node@1.30.0";

/**
 * The optional package that runs ONNX files of any program.
 *
 * @throws {RepvggError} `E_DEVICE`: it is not installed, or does not work on this machine.
 */
export async function loadOnnxRuntime(): Promise<typeof import("onnxruntime-node")> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    const what = isMissing ? "is not installed" : `cannot be loaded here: ${message}`;
    throw new RepvggError(
      "E_DEVICE",
      `ONNX files of other programs are run by the package onnxruntime-node, which ${what}. Install it beside repvgg: ${INSTALL}`,
      { cause },
    );
  }
}
