import { memoryUsage } from "node:process";
import { expect, it } from "vitest";
import { readDamagedFiles } from "./test-damage.ts";

/** `REPVGG_DAMAGED_FILES=1000000 vitest run packages/checkpoint/src/damage.test.ts` is the longer run. */
const COUNT = Number(process.env.REPVGG_DAMAGED_FILES ?? 20_000);
const SEED = Number(process.env.REPVGG_DAMAGE_SEED ?? 11);

it(`${COUNT} damaged files of every format end in a network or an E_CHECKPOINT, each in little time and memory`, () => {
  const before = memoryUsage.rss();
  const { refused, slowestMs, failures } = readDamagedFiles(COUNT, SEED);
  expect(failures).toEqual([]);
  expect(refused).toBeGreaterThan(COUNT / 4); // or the test tries nothing
  expect(slowestMs).toBeLessThan(2000); // a file of 30 kB takes a few ms; this leaves room for a busy machine
  expect(memoryUsage.rss() - before).toBeLessThan(2 ** 30); // what is collected late, and no more
}, 600_000);
