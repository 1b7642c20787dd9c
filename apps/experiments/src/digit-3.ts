import { countErrors, type Errors } from "./count-errors.ts";
import { type Answers, type Experiment, type ExperimentResult, mean, PAPER } from "./experiment.ts";
import { studentSpec, teacherOf } from "./networks.ts";
import type { Protocol, Training } from "./training.ts";

const MISSING = 3;
const TEMPERATURE = 20;
/** Added to the logit of the missing class; the best of them on the test images, as in the paper. */
const BIASES = Array.from({ length: 33 }, (_, i) => i / 4);
const PUBLISHED = { errors: 206, threes: 133, bias: 3.5, biasedErrors: 109, biasedThrees: 14 } as const;

function students(protocol: Protocol, seed: number): { soft: Training; hard: Training } {
  const hard: Training = {
    title: `hard labels, seed ${seed}`,
    spec: studentSpec(1 / 8),
    images: { first: protocol.limit, without: MISSING },
    epochs: protocol.epochs ?? 4,
    learningRate: 0.02,
    seed,
  };
  const soft = { teacher: teacherOf(protocol), temperature: TEMPERATURE, alpha: 1 };
  return { soft: { ...hard, title: `soft targets, seed ${seed}`, soft }, hard };
}

/** One student's answers as they are, and with the bias that makes the fewest errors. */
interface Judged {
  readonly plain: Errors;
  readonly bias: number;
  readonly biased: Errors;
  /** Errors at each of the biases. */
  readonly curve: readonly number[];
}

function judgeStudent(training: Training, answers: Answers): Judged {
  const logits = answers.of(training);
  const errors = BIASES.map((bias) => countErrors(logits, answers.labels, { ofClass: MISSING, bias }));
  const curve = errors.map(({ all }) => all);
  const best = curve.indexOf(Math.min(...curve));
  return { plain: errors[0]!, bias: BIASES[best]!, biased: errors[best]!, curve };
}

/** A student never sees a three, and knows most of them: the teacher's answers to other digits tell what a three is like. */
export const DIGIT_3: Experiment = {
  name: "digit-3",
  help: "a student that never sees a 3 learns it from soft targets alone",

  trainings: (protocol) => [
    teacherOf(protocol),
    ...protocol.seeds.flatMap((seed) => Object.values(students(protocol, seed))),
  ],

  judge(answers: Answers, protocol: Protocol): ExperimentResult {
    const pairs = protocol.seeds.map((seed) => students(protocol, seed));
    const soft = pairs.map((pair) => judgeStudent(pair.soft, answers));
    const hard = pairs.map((pair) => countErrors(answers.of(pair.hard), answers.labels, { ofClass: MISSING }));
    const threes = hard[0]!.imagesOfClass;
    const row = (name: string, published: number | undefined, values: readonly number[], digits = 0) => [
      name,
      published === undefined ? "" : String(published),
      mean(values).toFixed(digits),
      values.join(", "),
    ];
    return {
      name: DIGIT_3.name,
      title: "A digit that the student never sees",
      paper: `${PAPER}: without any 3 among its images the distilled net made 206 errors, 133 of them on threes; with a bias of 3.5 added to the logit of class 3, 109 and 14.`,
      columns: [
        `of the test images, ${threes} of them threes`,
        "paper",
        "ours, mean",
        `seeds ${protocol.seeds.join(", ")}`,
      ],
      rows: [
        row(
          `errors, soft targets alone (T = ${TEMPERATURE})`,
          PUBLISHED.errors,
          soft.map(({ plain }) => plain.all),
        ),
        row(
          "  threes wrong",
          PUBLISHED.threes,
          soft.map(({ plain }) => plain.ofClass),
        ),
        row(
          "  best bias of class 3",
          PUBLISHED.bias,
          soft.map(({ bias }) => bias),
          2,
        ),
        row(
          "  errors with it",
          PUBLISHED.biasedErrors,
          soft.map(({ biased }) => biased.all),
        ),
        row(
          "  threes wrong with it",
          PUBLISHED.biasedThrees,
          soft.map(({ biased }) => biased.ofClass),
        ),
        row(
          "errors, hard labels",
          undefined,
          hard.map(({ all }) => all),
        ),
        row(
          "  threes wrong",
          undefined,
          hard.map(({ ofClass }) => ofClass),
        ),
      ],
      findings: [
        {
          claim: "from soft targets alone it knows most of the threes that it never saw, each time",
          holds: soft.every(({ plain }) => plain.ofClass < threes / 2),
        },
        {
          claim: "a bias on class 3 mends most of the threes that are left, each time",
          holds: soft.every(({ plain, biased }) => biased.all < plain.all && biased.ofClass < plain.ofClass / 2),
        },
        { claim: "from hard labels it knows no three", holds: hard.every(({ ofClass }) => ofClass === threes) },
      ],
      charts: [biasChart(soft, protocol.seeds)],
      figures: { published: PUBLISHED, temperature: TEMPERATURE, soft, hard, biases: BIASES },
    };
  },
};

const COLORS = ["var(--distilled)", "var(--teacher)", "var(--alone)"];

const biasChart = (soft: readonly Judged[], seeds: readonly number[]) => ({
  title: "errors by the bias on class 3",
  x: { label: "added to the logit of class 3" },
  y: { label: "errors", log: true },
  series: soft.map(({ curve }, i) => ({
    name: `seed ${seeds[i]}`,
    color: COLORS[i % COLORS.length]!,
    points: curve.map((errors, at) => [BIASES[at]!, errors] as const),
  })),
});
