import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { cpuModel, linuxDetails } from "./cpu-model.ts";

const INFO = (flags: string) =>
  `processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nflags\t\t: ${flags}\n\nprocessor\t: 1\n`;

test.each([
  ["fpu avx avx2 avx512f avx512bw", "AVX-512"],
  ["fpu avx avx2", "AVX2"],
  ["fpu sse2", "no AVX2"],
])("a machine with %s has %s", (flags, vectors) => {
  expect(linuxDetails(INFO(flags))).toEqual(["family 25 model 17", vectors]);
});

test("what is not there is not said", () => {
  expect(linuxDetails("processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\n")).toEqual([]);
});

test("this machine has a name and its cores", () => {
  expect(cpuModel()).toMatch(new RegExp(`^\\S.*, ${availableParallelism()} cores$`));
});
