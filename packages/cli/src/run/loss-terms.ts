import { nearestName, RepvggError } from "@repvgg/core";
import { LOSS_NAMES, type LossTerm, linearly, needsFeatures, type Scheduled } from "@repvgg/distill";
import { AVERAGE_TEACHER } from "./plan-teacher.ts";
import type { Settings } from "./settings.ts";

type LossName = (typeof LOSS_NAMES)[number];
type Given = { readonly name: LossName; readonly weight: number | undefined };

/** Terms that share what alpha divides: their weight and that of the labels add up to 1. */
const OF_ALPHA: readonly LossName[] = ["kd", "hard"];

/**
 * The terms that `--loss` and its neighbours name.
 *
 * Where `labels` is not among them, the labels have what kd and hard leave of 1, and 1 beside the other losses, as in their
 * papers.
 *
 * @throws {RepvggError} `E_USAGE`: an unknown name, a weight that is none, weights that leave nothing to the labels.
 */
export function lossTerms(settings: Settings): LossTerm[] {
  const given = (settings.loss ?? "kd").split(",").map(parseTerm);
  const twice = given.find(({ name }, i) => given.findIndex((other) => other.name === name) !== i);
  if (twice) throw usage(`it has "${twice.name}" twice. Give it once.`);
  const alpha = scheduled(settings.alpha ?? 0.9, settings.alphaEnd);
  const terms = given.map(({ name, weight }) =>
    termOf(name, weight ?? (OF_ALPHA.includes(name) ? alpha : 1), settings),
  );
  if (given.some(({ name }) => name === "labels")) return terms;
  const labels = weightOfLabels(given, alpha, settings);
  return labels === 0 ? terms : [{ loss: "labels", weight: labels }, ...terms];
}

/**
 * Whether the terms suit the images and the teacher, as far as that is known before anything is read.
 *
 * @throws {RepvggError} `E_USAGE`: they do not, or {@link lossTerms} refuses them.
 */
export function checkLoss(settings: Settings): void {
  const terms = lossTerms(settings);
  const { mixup, cutmix, teacher } = settings;
  if ((mixup > 0 || cutmix > 0) && terms.some(({ loss }) => loss === "dkd")) {
    throw usage('"dkd" needs one label an image, and --mixup and --cutmix blend them. Leave these out, or take "kd".');
  }
  const ofFeatures = terms.find(needsFeatures);
  if (ofFeatures && teacher === AVERAGE_TEACHER) {
    throw usage(
      `"${ofFeatures.loss}" compares features, which --teacher ema does not show. Take another teacher or loss.`,
    );
  }
}

/** At which the answers of several teachers are averaged: that of the losses, 4 unless all compare at 1 or not at any. */
export function ensembleTemperature(settings: Settings): Scheduled {
  const { temperature, temperatureEnd } = settings;
  if (temperature !== undefined) return scheduled(temperature, temperatureEnd);
  return lossTerms(settings).some(({ loss }) => loss === "kd" || loss === "dkd") ? 4 : 1;
}

/** What `--dry-run` says of the loss. */
export function describeLoss({ loss = "kd", temperature, temperatureEnd, alpha, alphaEnd }: Settings): string {
  const range = (from: number, to: number | undefined) => (to === undefined ? `${from}` : `${from} to ${to}`);
  const softness = temperature === undefined ? "" : `, T ${range(temperature, temperatureEnd)}`;
  return `${loss}${softness}, alpha ${range(alpha ?? 0.9, alphaEnd)}`;
}

function parseTerm(text: string): Given {
  const [name = "", weight, ...more] = text.trim().split(":");
  const known = LOSS_NAMES.find((one) => one === name);
  if (known === undefined) {
    throw usage(
      `there is no loss "${name}". Did you mean ${nearestName(name, LOSS_NAMES)}? All: ${LOSS_NAMES.join(", ")}.`,
    );
  }
  const value = weight === undefined ? undefined : Number(weight.trim() === "" ? Number.NaN : weight);
  if (more.length > 0 || (value !== undefined && !(value >= 0 && Number.isFinite(value)))) {
    throw usage(`the weight of "${name}" must be 0 or a positive number, as in ${name}:0.9, got "${text.trim()}".`);
  }
  return { name: known, weight: value };
}

function termOf(name: LossName, weight: Scheduled, settings: Settings): LossTerm {
  const { temperature: T, temperatureEnd, dkdAlpha = 1, dkdBeta = 8, distBeta = 1, distGamma = 1 } = settings;
  if (T === undefined && temperatureEnd !== undefined) {
    throw new RepvggError(
      "E_USAGE",
      "--temperature-end says where T goes, but not from where: give --temperature too.",
    );
  }
  const softness = T === undefined ? {} : { temperature: scheduled(T, temperatureEnd) };
  switch (name) {
    case "kd":
      return { loss: name, weight, ...softness };
    case "dkd":
      return { loss: name, weight, dkdAlpha, dkdBeta, ...softness };
    case "dist":
      return { loss: name, weight, distBeta, distGamma, ...softness };
    case "features":
    case "attention":
      return { loss: name, weight, stages: parseStages(settings.featureStages ?? "1,2,3,4") };
    default:
      return { loss: name, weight };
  }
}

function weightOfLabels(given: readonly Given[], alpha: Scheduled, settings: Settings): Scheduled {
  const sharing = given.filter(({ name }) => OF_ALPHA.includes(name));
  if (sharing.length === 0) return 1;
  const fixed = sharing.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const open = sharing.filter(({ weight }) => weight === undefined).length;
  const rest = (of: number) => Math.round((1 - fixed - open * of) * 1e12) / 1e12; // 1 - 0.9 is 0.1
  const { alpha: from = 0.9, alphaEnd: to = from } = settings;
  if (rest(from) < 0 || rest(to) < 0) {
    const names = sharing.map(({ name }) => name).join(" and ");
    throw usage(
      `the weights of ${names} leave ${Math.min(rest(from), rest(to))} to the labels. Say how much they have: labels:0.1,${settings.loss}.`,
    );
  }
  return typeof alpha === "number" || open === 0 ? rest(from) : linearly(rest(from), rest(to));
}

function scheduled(from: number, to: number | undefined): Scheduled {
  return to === undefined || to === from ? from : linearly(from, to);
}

function parseStages(text: string): number[] {
  const stages = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (stages.every((stage) => Number.isInteger(stage) && stage >= 1 && stage <= 4)) return [...new Set(stages)];
  throw new RepvggError("E_USAGE", `--feature-stages must be some of 1,2,3,4, got "${text}".`);
}

const usage = (message: string) => new RepvggError("E_USAGE", `--loss: ${message}`);
