export { accuracy, type LogitsLike, predictedClasses, topKCorrect } from "./accuracy.ts";
export { AverageMeter } from "./average-meter.ts";
export { expectedCalibrationError } from "./calibration-error.ts";
export { type CalibrationBin, CalibrationMeter } from "./calibration-meter.ts";
export { type ClassFigures, type Confusion, ConfusionMatrix } from "./confusion-matrix.ts";
export { rowProbabilities } from "./probabilities.ts";
export { ProgressMeter } from "./progress-meter.ts";
export { type NumberFormat, pythonFormat } from "./python-format.ts";
export { type Mistake, WorstMistakes } from "./worst-mistakes.ts";
