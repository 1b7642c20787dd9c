import { type OnnxClassifier, openOnnxClassifier } from "@repvgg/checkpoint/node";
import { type RepVggSpec, RepvggError } from "@repvgg/core";
import { type LabelledClasses, type Preprocessing, parsePreprocessing } from "@repvgg/data";
import { readClassIndex } from "@repvgg/data/node";
import { smallerSizesOf } from "./progressive-size.ts";
import { describeNormalisation, type Normalisation, sameNormalisation } from "./renormalised.ts";
import type { Settings } from "./settings.ts";
import { refuseTeacher, teacherOutputs } from "./teacher-outputs.ts";

/** What of the settings is about teachers that other programs wrote. */
export type OnnxTeacherSettings = Pick<
  Settings,
  "teacherMean" | "teacherStd" | "teacherClasses" | "threads" | "progressive" | "imageSize" | "epochs"
>;

/** A classifier of any architecture to learn from. */
export interface OnnxTeacher {
  readonly name: string;
  /** Of its images; absent where they are the student's. */
  readonly normalisation?: Normalisation;
  /** Which of its outputs each class of the data is; absent where they agree as they are. */
  readonly outputs?: Int32Array;
  /** What was found and what was assumed, for people. */
  readonly notes: readonly string[];
  /**
   * The classifier, for images of every size that the training has: the first time the one that was looked at, then a new one. The
   * caller disposes it.
   */
  open(): Promise<OnnxClassifier>;
  /** Frees what nobody has asked for. */
  release(): Promise<void>;
}

/**
 * Opens an ONNX file of another program, and finds its classes and how it sees images: as the flags say, else as its metadata do.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: it is no such classifier, has other classes or takes other images; `E_USAGE`: a flag is
 *   wrong; `E_DEVICE`: onnxruntime-node is not installed.
 */
export async function planOnnxTeacher(
  file: string,
  settings: OnnxTeacherSettings,
  { inputChannels, numClasses }: Pick<RepVggSpec, "inputChannels" | "numClasses">,
  preprocessing: Preprocessing,
  data: LabelledClasses,
): Promise<OnnxTeacher> {
  const otherSizes = smallerSizesOf(settings).map((size) => [size, size] as const);
  const { threads } = settings;
  const options = {
    imageSize: preprocessing.size,
    otherSizes,
    inputChannels,
    ...(threads !== undefined && { threads }),
  };
  const classifier = await openOnnxClassifier(file, options);
  try {
    const { spec, answers } = classifier;
    const classes = settings.teacherClasses ? await classesOf(settings.teacherClasses, spec) : classifier.classes;
    const outputs = teacherOutputs({ name: file, spec, classes }, numClasses, data);
    const own = normalisationOf(classifier, settings, file);
    const differs = own !== undefined && !sameNormalisation(own, preprocessing);
    const notes = [
      `Teacher ${file}: an ONNX file of another program, ${spec.numClasses} classes, run by onnxruntime.`,
      ...(answers === "probabilities" ? ["It answers with probabilities; their logarithms serve as logits."] : []),
      ...(classes
        ? []
        : ["It does not name its classes: taken to be those of the data, in their order (--teacher-classes FILE)."]),
      ...(own
        ? [`Its images are normalised by ${describeNormalisation(own)}.`]
        : [
            "It does not say how its images are normalised: taken to be as the student's (--teacher-mean, --teacher-std).",
          ]),
    ];
    let looked: OnnxClassifier | undefined = classifier;
    const take = () => {
      const taken = looked;
      looked = undefined;
      return taken;
    };
    return {
      ...{ name: file, notes },
      ...(differs && { normalisation: own }),
      ...(outputs && { outputs }),
      open: async () => take() ?? openOnnxClassifier(file, options),
      release: async () => take()?.dispose(),
    };
  } catch (error) {
    await classifier.dispose();
    throw error;
  }
}

async function classesOf(path: string, { numClasses }: OnnxClassifier["spec"]): Promise<readonly string[]> {
  const { ids } = await readClassIndex(path);
  if (ids.length === numClasses) return ids;
  const message = `--teacher-classes ${path} has ${ids.length} classes, but the teacher has ${numClasses} outputs.`;
  throw new RepvggError("E_USAGE", `${message} Give the classes that it was trained on.`);
}

function normalisationOf(
  { spec, preprocessing }: OnnxClassifier,
  { teacherMean, teacherStd }: OnnxTeacherSettings,
  file: string,
): Normalisation | undefined {
  if (teacherMean !== undefined && teacherStd !== undefined) {
    const mean = numbersOf("--teacher-mean", teacherMean, spec.inputChannels, () => true);
    return { mean, std: numbersOf("--teacher-std", teacherStd, spec.inputChannels, (value) => value > 0) };
  }
  if (teacherMean !== undefined || teacherStd !== undefined) {
    throw new RepvggError("E_USAGE", "--teacher-mean and --teacher-std go together: give both.");
  }
  const own = preprocessing && parsePreprocessing(preprocessing, file);
  if (own === undefined || own.inputChannels === spec.inputChannels) return own;
  return refuseTeacher(file, `has metadata of images with ${own.inputChannels} channels, not ${spec.inputChannels}`);
}

/** One number, or one for each channel. */
function numbersOf(flag: string, text: string, channels: number, isValid: (value: number) => boolean): number[] {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const isRight = values.every((value) => Number.isFinite(value) && isValid(value));
  if (isRight && values.length === 1) return new Array<number>(channels).fill(values[0]!);
  if (isRight && values.length === channels) return values;
  const example = flag === "--teacher-mean" ? "0.485,0.456,0.406" : "0.229,0.224,0.225";
  throw new RepvggError(
    "E_USAGE",
    `${flag} must be one number for each of ${channels} channels, as ${example}, got "${text}".`,
  );
}
