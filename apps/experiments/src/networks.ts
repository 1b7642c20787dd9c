import { defineSpec, findVariant, type RepVggSpec } from "@repvgg/core";
import type { Protocol, Training } from "./training.ts";

const TEACHER_SEED = 0;

/** A student of four blocks, all of one width: 1/16 has 7,586 parameters, 1/8 27,802. */
export const studentSpec = (width: number): RepVggSpec =>
  defineSpec({ ...findVariant("mnist-student").spec, widthMultiplier: [width, width, width, width] });

/** The paper's "single large neural net", regularised by moving the images; it is the same in all experiments. */
export const teacherOf = ({ limit, epochs }: Protocol): Training => ({
  title: "teacher",
  spec: findVariant("mnist-teacher").spec,
  images: { first: limit },
  epochs: epochs ?? 4,
  learningRate: 0.1,
  seed: TEACHER_SEED,
  shiftPixels: 2,
});
