import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serializeCheckpoint, serializeOnnx } from "@repvgg/checkpoint";
import { type Form, initialState, type RepVggSpec } from "@repvgg/core";
import type { PeerName } from "./case.ts";

const SEED = 1;

/** Checkpoints of a case's network in a folder of their own, which no measured process has to make. */
export class ModelFiles implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "repvgg-bench-"));
  readonly #checkpoint: Parameters<typeof serializeCheckpoint>[0];

  constructor(spec: RepVggSpec, form: Form) {
    this.#checkpoint = { spec, form, state: initialState(spec, SEED, form) };
  }

  /** The file that a peer reads, written when it is first asked for. */
  pathFor(peer: PeerName): string {
    const onnx = peer.startsWith("onnxruntime");
    const path = join(this.#folder, onnx ? "model.onnx" : "model.safetensors");
    if (existsSync(path)) return path;
    writeFileSync(path, onnx ? serializeOnnx(this.#checkpoint) : serializeCheckpoint(this.#checkpoint));
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
