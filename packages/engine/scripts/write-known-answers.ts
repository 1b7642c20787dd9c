/**
 * Writes src/self-test/known-answers.ts, which the engine's self-test compares with: `node scripts/write-known-answers.ts`, after a build, whenever
 * a kernel or the trial changes. The tests of the kernels say whether the new answers are right; this only notes them down.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadEngine } from "../src/binaries.ts";
import { answersOf } from "../src/self-test/self-test.ts";

const answers = {
  fused: answersOf((await loadEngine({ variant: "narrow-fma" })).module),
  separate: answersOf((await loadEngine({ variant: "narrow" })).module),
};

/** Members of an object, in TypeScript. */
const literal = (hashes: Readonly<Record<string, number>>) =>
  Object.entries(hashes)
    .map(([name, hash]) => `    ${name}: ${hash},`)
    .join("\n");

writeFileSync(
  fileURLToPath(new URL("../src/self-test/known-answers.ts", import.meta.url)),
  `import type { Answers, Rounding } from "./self-test.ts";

/** What every operation of the trial gives. Written by scripts/write-known-answers.ts. */
export const KNOWN_ANSWERS: Readonly<Record<Rounding, Answers>> = {
  fused: {
${literal(answers.fused)}
  },
  separate: {
${literal(answers.separate)}
  },
};
`,
);
