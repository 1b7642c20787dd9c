import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { RepvggError } from "@repvgg/core";
import { checkAnswerFormat, needsFeatures } from "@repvgg/distill";
import type { Judgement } from "../check-teacher.ts";
import { lossTerms } from "../loss-terms.ts";
import { AVERAGE_TEACHER } from "../plan-teacher.ts";
import type { Settings } from "../settings.ts";
import { AUTO_CACHE } from "./auto-cache.ts";
import { type CacheKey, type CachePlan, cacheKey, changesByEpoch } from "./cache-key.ts";

const AUTO_FOLDER = join("runs", "teacher-cache");
const AUTO_DIGITS = 12;
const MANIFEST = "cache.json";
const VERSION = 1;
const SHOWN_DIGITS = 12;

/** What `cache.json` says. */
export interface CacheManifest {
  readonly version: number;
  readonly key: CacheKey;
  readonly teachers: readonly { readonly name: string; readonly judgement?: Judgement }[];
}

/** Where a teacher's answers are kept, checked against what is there. */
export interface PlannedCache {
  readonly folder: string;
  readonly key: CacheKey;
  /** Whether an image looks another way in each epoch. */
  readonly changing: boolean;
  /** What an earlier training has left. */
  readonly found?: CacheManifest;
}

export const manifestFile = (folder: string) => join(folder, MANIFEST);

/** @throws {RepvggError} `E_USAGE`: settings contradict each other. */
export function checkCacheSettings(settings: Settings): void {
  const { cacheTeacher, cacheTopK, teacher, mixup, cutmix, onBadImage } = settings;
  const fail = (message: string): never => {
    throw new RepvggError("E_USAGE", message);
  };
  if (cacheTeacher === undefined) {
    if (cacheTopK !== undefined) fail("--cache-top-k is about answers that are not kept: give --cache-teacher, too.");
    return;
  }
  if (teacher === AVERAGE_TEACHER) {
    fail("--cache-teacher cannot keep the answers of --teacher ema, which changes with every step. Leave it out.");
  }
  const ofFeatures = lossTerms(settings).find(needsFeatures);
  if (ofFeatures) {
    fail(
      `--cache-teacher keeps logits, and --loss ${ofFeatures.loss} needs the outputs of the teacher's stages, hundreds of times as ` +
        "large. Leave one of them out.",
    );
  }
  if (onBadImage === "skip" && (mixup > 0 || cutmix > 0)) {
    fail(
      "--on-bad-image skip puts another image in a bad one's place, which --mixup and --cutmix blend in two ways in one epoch; " +
        "--cache-teacher keeps one answer for each. Take --on-bad-image fail.",
    );
  }
}

/**
 * Whether what is kept in the folder is of this training.
 *
 * @throws {RepvggError} `E_USAGE`: it is of another one, or the folder is of something else; `E_DATA`: its manifest is damaged.
 */
export async function planCache(plan: CachePlan): Promise<PlannedCache> {
  const { cacheTeacher, cacheTopK } = plan.settings;
  checkAnswerFormat({ numClasses: plan.spec.numClasses, topK: cacheTopK });
  const key = await cacheKey(plan);
  const digest = createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, AUTO_DIGITS);
  const folder = cacheTeacher === AUTO_CACHE ? resolve(AUTO_FOLDER, digest) : resolve(cacheTeacher!);
  const found = await readManifest(folder);
  if (found) checkSameKey(folder, found.key, key);
  return { folder, key, changing: changesByEpoch(plan), ...(found && { found }) };
}

async function readManifest(folder: string): Promise<CacheManifest | undefined> {
  const file = manifestFile(folder);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return assertEmpty(folder);
  const manifest = parsed(text);
  if (manifest) return manifest;
  throw new RepvggError(
    "E_DATA",
    `${file} is damaged or by another version: what the answers beside it are of is not known. Delete ${folder}, or give another --cache-teacher.`,
  );
}

function parsed(text: string): CacheManifest | undefined {
  try {
    const { version, key, teachers } = JSON.parse(text);
    const isKey = key !== null && typeof key === "object" && !Array.isArray(key);
    return version === VERSION && isKey && Array.isArray(teachers) ? { version, key, teachers } : undefined;
  } catch {
    return undefined;
  }
}

/** So that nobody's files get between others. */
async function assertEmpty(folder: string): Promise<undefined> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw new RepvggError("E_USAGE", `--cache-teacher ${folder} is no folder: ${cause.message}`, { cause });
  });
  if (names.length === 0) return undefined;
  throw new RepvggError(
    "E_USAGE",
    `--cache-teacher ${folder} has other things in it, and no ${MANIFEST}. Give an empty folder, or one that is not there yet.`,
  );
}

function checkSameKey(folder: string, before: CacheKey, now: CacheKey): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const differing = names.filter((name) => before[name] !== now[name]);
  if (differing.length === 0) return;
  const shown = (value: string | number | undefined) =>
    String(value ?? "none").replaceAll(new RegExp(`([0-9a-f]{${SHOWN_DIGITS}})[0-9a-f]{52}`, "g"), "$1…");
  const list = differing.map((name) => `${name}: ${shown(before[name])} there, ${shown(now[name])} here`).join("; ");
  throw new RepvggError(
    "E_USAGE",
    `The teacher's answers in ${folder} are of another training: ${list}. Give another --cache-teacher folder (without a name it ` +
      "finds its own), or delete this one.",
  );
}

export const manifestText = (key: CacheKey, teachers: CacheManifest["teachers"]) =>
  `${JSON.stringify({ version: VERSION, key, teachers } satisfies CacheManifest, undefined, 2)}\n`;
