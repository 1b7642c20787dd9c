import type { Logits } from "@repvgg/core";

/** Wrong answers, in all and on the images of one class. */
export interface Errors {
  readonly all: number;
  readonly ofClass: number;
  readonly imagesOfClass: number;
}

/**
 * Counts the images whose largest logit is not that of their label.
 *
 * @param logits `[N, C]`.
 * @param options.bias Added to the logit of `ofClass` first. @default 0
 */
export function countErrors(
  { shape: [N, C], data }: Logits,
  labels: Int32Array,
  { ofClass = 0, bias = 0 }: { ofClass?: number; bias?: number } = {},
): Errors {
  let [all, wrong, imagesOfClass] = [0, 0, 0];
  for (let n = 0; n < N; n++) {
    const logit = (c: number) => data[n * C + c]! + (c === ofClass ? bias : 0);
    let predicted = 0;
    for (let c = 1; c < C; c++) if (logit(c) > logit(predicted)) predicted = c;
    const isWrong = Number(predicted !== labels[n]);
    all += isWrong;
    if (labels[n] !== ofClass) continue;
    imagesOfClass++;
    wrong += isWrong;
  }
  return { all, ofClass: wrong, imagesOfClass };
}
