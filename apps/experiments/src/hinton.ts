import { countErrors } from "./count-errors.ts";
import { type Answers, type Experiment, type ExperimentResult, mean, PAPER } from "./experiment.ts";
import { studentSpec, teacherOf } from "./networks.ts";
import type { Protocol, Training } from "./training.ts";

const TEMPERATURE = 20;
const ALPHA = 0.9;
/** Errors of 10,000 in the paper: two hidden layers of 1200 units, of 800, and the latter distilled. */
const PUBLISHED = { teacher: 67, plain: 146, distilled: 74 } as const;

function students(protocol: Protocol, seed: number): { plain: Training; distilled: Training } {
  const plain: Training = {
    title: `student, seed ${seed}`,
    spec: studentSpec(1 / 16),
    images: { first: protocol.limit },
    epochs: protocol.epochs ?? 4,
    learningRate: 0.02,
    seed,
  };
  const soft = { teacher: teacherOf(protocol), temperature: TEMPERATURE, alpha: ALPHA };
  return { plain, distilled: { ...plain, title: `${plain.title}, distilled`, soft } };
}

/** A small network learns from the labels, and again from the labels and a large network's soft targets. */
export const HINTON: Experiment = {
  name: "hinton",
  help: "a small network alone, and taught by a large one",

  trainings: (protocol) => [
    teacherOf(protocol),
    ...protocol.seeds.flatMap((seed) => Object.values(students(protocol, seed))),
  ],

  judge(answers: Answers, protocol: Protocol): ExperimentResult {
    const errorsOf = (training: Training) => countErrors(answers.of(training), answers.labels).all;
    const teacher = errorsOf(teacherOf(protocol));
    const pairs = protocol.seeds.map((seed) => students(protocol, seed));
    const plain = pairs.map((pair) => errorsOf(pair.plain));
    const distilled = pairs.map((pair) => errorsOf(pair.distilled));
    const row = (name: string, published: number, errors: readonly number[]) => [
      name,
      String(published),
      mean(errors).toFixed(0),
      errors.join(", "),
    ];
    return {
      name: HINTON.name,
      title: "A small network alone, and taught by a large one",
      paper: `${PAPER}: a net of two layers of 800 units made 146 errors; with the soft targets of a larger one at T = 20 also to match, 74.`,
      columns: ["errors of the test images", "paper", "ours, mean", `seeds ${protocol.seeds.join(", ")}`],
      rows: [
        row("large network", PUBLISHED.teacher, [teacher]),
        row("small network, labels alone", PUBLISHED.plain, plain),
        row(`small network, soft targets too (T = ${TEMPERATURE})`, PUBLISHED.distilled, distilled),
      ],
      findings: [
        { claim: "the large network makes the fewest errors", holds: teacher < Math.min(...plain, ...distilled) },
        {
          claim: "with the same seed, the distilled small network makes fewer errors than the plain one, each time",
          holds: distilled.every((errors, i) => errors < plain[i]!),
        },
      ],
      charts: [chartOf(protocol.seeds, { teacher, plain, distilled })],
      figures: { published: PUBLISHED, temperature: TEMPERATURE, alpha: ALPHA, teacher, plain, distilled },
    };
  },
};

/** A point a seed. */
function chartOf(
  seeds: readonly number[],
  errors: { readonly teacher: number; readonly plain: readonly number[]; readonly distilled: readonly number[] },
): ExperimentResult["charts"][number] {
  const bySeed = (values: readonly number[]) => values.map((value, i) => [i + 1, value] as const);
  return {
    title: "errors by seed",
    x: {
      label: "student",
      min: 0.5,
      max: seeds.length + 0.5,
      format: (i) => (seeds[i - 1] === undefined ? "" : `seed ${seeds[i - 1]}`),
    },
    y: { label: "errors", min: 0 },
    series: [
      { name: "small network, labels alone", color: "var(--alone)", points: bySeed(errors.plain) },
      { name: "small network, soft targets too", color: "var(--distilled)", points: bySeed(errors.distilled) },
      { name: "large network", color: "var(--teacher)", points: bySeed(seeds.map(() => errors.teacher)) },
    ],
  };
}
