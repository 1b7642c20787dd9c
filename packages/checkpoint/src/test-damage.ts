import { defineSpec, fuseState, initialState, RepvggError, seededRandom } from "@repvgg/core";
import { parseCheckpoint } from "./checkpoint.ts";
import { parseOnnx } from "./onnx-read.ts";
import { serializeOnnx } from "./onnx-write.ts";
import { fixture } from "./test-fixture.ts";
import { parseTfjs } from "./tfjs-read.ts";
import { serializeTfjs } from "./tfjs-write.ts";
import { serializePth } from "./write-pth.ts";

/** A file that is read when whole, and its reader. */
interface Target {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Bytes from the start that tell something: the rest is weights. */
  readonly telling: number;
  read(bytes: Uint8Array): unknown;
}

export interface DamageReport {
  readonly refused: number;
  readonly slowestMs: number;
  /** Files that ended in something else than a network or a `RepvggError`. */
  readonly failures: readonly string[];
}

const TORCH_FILES = [
  ...["wrapped.pth", "deflated.pth", "averaged.pth", "views.pth", "protocol0.pth", "protocol4.pth"],
  ...["legacy.pth", "legacy-protocol0.pth", "legacy-dtypes.pth", "dtypes.pth", "timm-grouped-deploy.pth"],
  ...["tiny-repvgg.safetensors", "dtypes.safetensors"],
];
const LEGACY_HEAD = 9_000;

/**
 * Damages copies of files of every format and reads them: bytes changed, cut off, moved and swapped with those of other files.
 *
 * @param count Files, dealt out evenly.
 */
export function readDamagedFiles(count: number, seed: number): DamageReport {
  const random = seededRandom(seed);
  const targets = damageTargets();
  const failures: string[] = [];
  let [refused, slowestMs] = [0, 0];
  for (let i = 0; i < count; i++) {
    const target = targets[i % targets.length]!;
    const bytes = damaged(target, targets, (n) => Math.floor(random() * n));
    const start = performance.now();
    try {
      target.read(bytes);
    } catch (error) {
      refused++;
      const isOurs = error instanceof RepvggError && error.code === "E_CHECKPOINT";
      if (!isOurs) failures.push(`${target.name}, file ${i}: ${error instanceof Error ? error.stack : error}`);
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
  }
  return { refused, slowestMs, failures };
}

function damageTargets(): Target[] {
  const spec = defineSpec({
    numBlocks: [1, 1, 1, 1],
    widthMultiplier: [1 / 32, 1 / 64, 1 / 64, 1 / 64],
    numClasses: 2,
  });
  const train = { spec, form: "train", state: initialState(spec, 1), classes: ["a", "b"] } as const;
  const deploy = { ...train, form: "deploy", state: fuseState(spec, train.state) } as const;
  const target = (name: string, bytes: Uint8Array, read: Target["read"], telling = bytes.length): Target => ({
    ...{ name, bytes, read, telling },
  });
  const tfjs = serializeTfjs(deploy);
  const [[model, json], [shard, weights]] = [...tfjs] as [[string, Uint8Array], [string, Uint8Array]];
  return [
    ...TORCH_FILES.map((name) => {
      const bytes = fixture(name);
      return target(name, bytes, parseCheckpoint, name.startsWith("legacy.") ? LEGACY_HEAD : bytes.length);
    }),
    target("own.pth", serializePth(train), parseCheckpoint),
    target("deploy.onnx", serializeOnnx(deploy), parseOnnx),
    target("train.onnx", serializeOnnx(train), parseOnnx),
    target("model.json", json, (bytes) => parseTfjs(new Map(tfjs).set(model, bytes))),
    target("shard.bin", weights, (bytes) => parseTfjs(new Map(tfjs).set(shard, bytes))),
  ];
}

function damaged(target: Target, others: readonly Target[], below: (n: number) => number): Uint8Array {
  let bytes = target.bytes.slice();
  for (let changes = 1 + below(4); changes > 0 && bytes.length > 0; changes--) {
    const at = below(Math.min(bytes.length, target.telling));
    const kind = below(10);
    if (kind === 0) bytes = bytes.slice(0, at);
    else if (kind === 1) bytes.copyWithin(at, below(bytes.length), below(bytes.length));
    else if (kind === 2) bytes.fill(255, at, at + 1 + below(8));
    else if (kind === 3) {
      const from = others[below(others.length)]!.bytes;
      const start = below(from.length);
      bytes.set(from.subarray(start, start + Math.min(64, bytes.length - at)), at);
    } else if (kind < 7) bytes[at] = below(256);
    else bytes[at]! ^= 1 << below(8);
  }
  return bytes;
}
