import type { Logits } from "@repvgg/core";
import type { ImageDataset } from "@repvgg/data";
import { rowProbabilities } from "@repvgg/metrics";
import type { Mistake } from "../result.ts";

/** Softmax of one row at a temperature, as JSON has it. */
export function probabilities(logits: Logits, row: number, temperature = 1): number[] {
  return Array.from(rowProbabilities(logits, row, temperature));
}

/** The class of the largest logit of a row; of equal ones the first. */
export function predictedClass({ shape, data }: Logits, row: number): number {
  const C = shape[1];
  const z = data.subarray(row * C, (row + 1) * C);
  return z.indexOf(Math.max(...z));
}

/**
 * The images that the student gets most wrong: those whose true class it gives the lowest probability.
 *
 * @param student `[test.length, C]`, in the order of `test`; so `teacher`.
 */
export function worstMistakes(
  test: ImageDataset,
  student: Logits,
  teacher: Logits,
  { temperature, limit }: { temperature: number; limit: number },
): Mistake[] {
  const wrong: { index: number; truth: number }[] = [];
  for (let index = 0; index < test.length; index++) {
    const label = test.label(index);
    if (predictedClass(student, index) === label) continue;
    wrong.push({ index, truth: probabilities(student, index)[label]! });
  }
  wrong.sort((a, b) => a.truth - b.truth || a.index - b.index);
  return wrong.slice(0, limit).map(({ index }) => ({
    index,
    pixels: Array.from(test.image(index)),
    size: test.size,
    label: test.label(index),
    predicted: predictedClass(student, index),
    student: probabilities(student, index),
    teacher: probabilities(teacher, index),
    teacherSoft: probabilities(teacher, index, temperature),
  }));
}

/** Counts by label and predicted class. */
export function confusionCounts(test: ImageDataset, logits: Logits): number[][] {
  const counts = test.classes.map(() => test.classes.map(() => 0));
  for (let index = 0; index < test.length; index++) counts[test.label(index)]![predictedClass(logits, index)]!++;
  return counts;
}

/** Mean softened probabilities by label: which classes the teacher finds alike. Rows of labels that do not occur are 0. */
export function darkKnowledge(test: ImageDataset, teacher: Logits, temperature: number): number[][] {
  const sums = test.classes.map(() => test.classes.map(() => 0));
  const images = test.classes.map(() => 0);
  for (let index = 0; index < test.length; index++) {
    const label = test.label(index);
    images[label]!++;
    probabilities(teacher, index, temperature).forEach((p, c) => {
      sums[label]![c]! += p;
    });
  }
  return sums.map((row, label) => row.map((sum) => (images[label] === 0 ? 0 : sum / images[label]!)));
}
