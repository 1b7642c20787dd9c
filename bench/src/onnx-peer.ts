import { nhwcToNchw } from "@repvgg/checkpoint";
import type * as Ort from "onnxruntime-node";
import type { Loader } from "./runner.ts";

/** Loads onnxruntime, native or in WebAssembly, which runs our own ONNX export. */
export const loadOnnxRuntime =
  (name: "onnxruntime-node" | "onnxruntime-web"): Loader =>
  async ({ threads }) => {
    // Both have the same interface.
    const ort: typeof Ort =
      name === "onnxruntime-node" ? await import("onnxruntime-node") : ((await import("onnxruntime-web")) as never);
    if (name === "onnxruntime-web") ort.env.wasm.numThreads = threads;
    return async (bytes, images) => {
      const session = await ort.InferenceSession.create(bytes, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
        ...(name === "onnxruntime-web" ? { executionProviders: ["wasm"] } : {}),
      });
      const { shape, data } = nhwcToNchw(images);
      const input = new ort.Tensor("float32", data, shape);
      const answer = async () => (await session.run({ input })).logits!.data as Float32Array;
      const { node, web } = ort.env.versions;
      const version = name === "onnxruntime-node" ? node : web;
      const description = `${name} ${version}, ${threads} thread${threads === 1 ? "" : "s"}`;
      return { description, run: answer, logits: answer };
    };
  };
