import { countErrors } from "./count-errors.ts";
import { type Answers, type Experiment, type ExperimentResult, mean, PAPER } from "./experiment.ts";
import { studentSpec, teacherOf } from "./networks.ts";
import type { Protocol, Training } from "./training.ts";

const TEMPERATURES = [0.5, 1, 2.5, 4, 8, 20] as const;
const ALPHA = 0.9;
/** Few images, so that what the teacher adds to the labels shows. */
const IMAGES = 10_000;
const WIDTHS = { narrow: 1 / 16, wide: 1 / 8 } as const;
type Width = keyof typeof WIDTHS;
const COLORS = { narrow: "var(--distilled)", wide: "var(--teacher)" } as const satisfies Record<Width, string>;

function student(protocol: Protocol, width: Width, seed: number, temperature?: number): Training {
  const plain: Training = {
    title: `${width} student, seed ${seed}, alone`,
    spec: studentSpec(WIDTHS[width]),
    images: { first: Math.min(IMAGES, protocol.limit) },
    epochs: protocol.epochs ?? 3,
    learningRate: 0.02,
    seed,
  };
  if (temperature === undefined) return plain;
  const soft = { teacher: teacherOf(protocol), temperature, alpha: ALPHA };
  return { ...plain, title: `${width} student, seed ${seed}, T = ${temperature}`, soft };
}

/** The same student at several temperatures. */
export const TEMPERATURE: Experiment = {
  name: "temperature",
  help: "errors of a narrow and a wide student by temperature",

  trainings: (protocol) => [
    teacherOf(protocol),
    ...(Object.keys(WIDTHS) as Width[]).flatMap((width) =>
      protocol.seeds.flatMap((seed) =>
        [undefined, ...TEMPERATURES].map((temperature) => student(protocol, width, seed, temperature)),
      ),
    ),
  ],

  judge(answers: Answers, protocol: Protocol): ExperimentResult {
    const errorsOf = (width: Width, temperature?: number) =>
      protocol.seeds.map(
        (seed) => countErrors(answers.of(student(protocol, width, seed, temperature)), answers.labels).all,
      );
    const of = (width: Width) => ({
      alone: errorsOf(width),
      distilled: TEMPERATURES.map((temperature) => errorsOf(width, temperature)),
    });
    const errors = { narrow: of("narrow"), wide: of("wide") };
    return {
      name: TEMPERATURE.name,
      title: "The temperature",
      paper: `${PAPER}: with 300 or more units a layer all temperatures above 8 gave fairly similar results; with 30 units, 2.5 to 4 worked significantly better than higher or lower ones.`,
      columns: ["errors, mean (by seed)", "narrow, width 1/16", "wide, width 1/8"],
      rows: [
        ["labels alone", cell(errors.narrow.alone), cell(errors.wide.alone)],
        ...TEMPERATURES.map((T, i) => [`T = ${T}`, cell(errors.narrow.distilled[i]!), cell(errors.wide.distilled[i]!)]),
      ],
      findings: findingsOf(errors),
      charts: [chartOf(errors)],
      figures: { temperatures: TEMPERATURES, alpha: ALPHA, seeds: protocol.seeds, ...errors },
    };
  },
};

type ErrorsOf = Record<
  Width,
  { readonly alone: readonly number[]; readonly distilled: readonly (readonly number[])[] }
>;

const cell = (errors: readonly number[]) => `${mean(errors).toFixed(0)} (${errors.join(", ")})`;

function findingsOf({ narrow, wide }: ErrorsOf): ExperimentResult["findings"] {
  const means = ({ distilled }: ErrorsOf[Width]) => distilled.map(mean);
  const at = (width: ErrorsOf[Width], T: (typeof TEMPERATURES)[number]) => means(width)[TEMPERATURES.indexOf(T)]!;
  const best = TEMPERATURES[means(narrow).indexOf(Math.min(...means(narrow)))]!;
  const [eight, twenty] = [at(wide, 8), at(wide, 20)];
  return [
    {
      claim: "the narrow student is best at a temperature between 2.5 and 8, not at the ends",
      holds: best >= 2.5 && best <= 8,
    },
    {
      claim: "above 8 the wide student's results are fairly similar (within 15 %)",
      holds: Math.abs(eight - twenty) <= 0.15 * Math.min(eight, twenty),
    },
    {
      claim: "softened answers teach more than those at T = 1, to both",
      holds: Math.min(...means(narrow)) < at(narrow, 1) && Math.min(...means(wide)) < at(wide, 1),
    },
  ];
}

const chartOf = (errors: ErrorsOf): ExperimentResult["charts"][number] => ({
  title: "errors by temperature",
  x: { label: "temperature", log: true, format: (T) => String(Number(T.toPrecision(2))) },
  y: { label: "errors", log: true },
  series: (Object.keys(WIDTHS) as Width[]).flatMap((width) => [
    {
      name: `${width} student`,
      color: COLORS[width],
      points: errors[width].distilled.map((seeds, i) => [TEMPERATURES[i]!, mean(seeds)] as const),
    },
    {
      name: `${width} student, by seed`,
      color: COLORS[width],
      look: "points" as const,
      points: errors[width].distilled.flatMap((seeds, i) => seeds.map((one) => [TEMPERATURES[i]!, one] as const)),
    },
  ]),
});
