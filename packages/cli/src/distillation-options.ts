import type { OptionSpecs } from "./option.ts";

/** What `repvgg distill` learns from the teacher, and how. */
export const DISTILLATION_OPTIONS = {
  teacher: {
    kind: "text",
    value: "checkpoint",
    help: "the network to learn from, or any classifier as an ONNX file; several with commas, whose probabilities are averaged; ema: the average that --ema keeps",
    defaultText: "none, required",
    several: true,
  },
  teacherMean: {
    kind: "text",
    value: "numbers",
    help: "mean that an ONNX teacher's images are normalised by, in [0, 1], by channel: 0.485,0.456,0.406",
    defaultText: "its metadata, else as the student's",
  },
  teacherStd: {
    kind: "text",
    value: "numbers",
    help: "the same for their standard deviation: 0.229,0.224,0.225",
    defaultText: "its metadata, else as the student's",
  },
  teacherClasses: {
    kind: "text",
    value: "file",
    help: "what an ONNX teacher's outputs stand for: a class index as for val, or the folder that it was trained on",
    defaultText: "its metadata, else the data's",
  },
  cacheTeacher: {
    kind: "text",
    value: "folder",
    help: "keep the teacher's answers there, as float16: the next training like this one does not run it; without a folder: one for each teacher, data and augmentation, in runs/teacher-cache",
    alone: "auto",
    defaultText: "off",
  },
  cacheTopK: {
    kind: "integer",
    help: "with --cache-teacher: keep this many of the largest logits of an image; the other classes share the rest evenly",
    min: 1,
    max: 1000000,
    defaultText: "all",
  },
  anyTeacher: { kind: "flag", help: "take a teacher that is no better than chance" },
  loss: {
    kind: "text",
    value: "terms",
    help:
      "what to minimise: kd (soft targets), hard (decisions), dkd, dist, features (hints), attention, labels; several with " +
      "weights: kd:0.9,features:50",
    default: "kd",
  },
  temperature: {
    kind: "number",
    help: "softness T of the answers that kd, dkd and dist compare",
    min: 0,
    open: "min",
    defaultText: "4; 1 for dist",
  },
  temperatureEnd: {
    kind: "number",
    help: "T at the last step; it moves there evenly",
    min: 0,
    open: "min",
    defaultText: "the same",
  },
  alpha: {
    kind: "number",
    help: "weight of kd or hard where --loss gives none; the labels have the rest",
    min: 0,
    max: 1,
    default: 0.9,
  },
  alphaEnd: {
    kind: "number",
    help: "alpha at the last step; it moves there evenly",
    min: 0,
    max: 1,
    defaultText: "the same",
  },
  dkdAlpha: { kind: "number", help: "weight of dkd's part of the target class", min: 0, default: 1 },
  dkdBeta: { kind: "number", help: "weight of dkd's part of the other classes", min: 0, default: 8 },
  distBeta: { kind: "number", help: "weight of dist's relations between an image's classes", min: 0, default: 1 },
  distGamma: { kind: "number", help: "weight of dist's relations between a class's images", min: 0, default: 1 },
  featureStages: {
    kind: "text",
    value: "stages",
    help: "stages that features and attention compare",
    default: "1,2,3,4",
  },
} as const satisfies OptionSpecs;
