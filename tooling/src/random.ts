import {
  defineSpec,
  type Form,
  type Images,
  type LayerPlan,
  layerPlan,
  type Random,
  type RepVggSpec,
  type StateDict,
  type StateEntry,
  seededRandom,
  sizeOf,
  stateLayout,
} from "@repvgg/core";

/** A standard normal value (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * A random small spec: any strides, odd channel counts, groups where they divide, with or without squeeze-and-excitation.
 *
 * @param fixed Fields to hold fixed.
 */
export function randomSpec(seed: number, fixed: Partial<RepVggSpec> = {}): RepVggSpec {
  const random = seededRandom(seed);
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]!;
  // Stages have 64, 128, 256, 512 channels times these; a spec wants 1/64 at least.
  const width = (base: number) => Math.max(pick([3, 4, 6, 8, 12]) / base, 1 / 64);
  const stride = () => pick([1, 2, 2] as const);
  const blocks = () => pick([1, 1, 2, 3]);
  const spec = defineSpec({
    numBlocks: [blocks(), blocks(), blocks(), blocks()],
    widthMultiplier: [width(64), width(128), width(256), width(512)],
    strides: [stride(), stride(), stride(), stride(), stride()],
    squeezeExcitation: pick(["none", "none", "before-relu", "after-relu"] as const),
    inputChannels: pick([1, 3, 4]),
    numClasses: pick([2, 5, 10]),
    ...fixed,
  });
  // Few channels squeeze to none: squeeze only where every block keeps one.
  const { blocks: plain } = layerPlan(spec, [8, 8]);
  const squeezes = plain.every((block) => block.squeezeChannels > 0);
  const groups: Record<number, number> = {};
  for (const { index, inChannels, outChannels } of plain) {
    const wanted = pick([1, 1, 2, 3, 4]);
    if (inChannels % wanted === 0 && outChannels % wanted === 0) groups[index] = wanted;
  }
  return { ...spec, groups, ...(squeezes ? {} : { squeezeExcitation: "none" }), ...fixed };
}

/** Images of standard normal values. */
export function randomImages(shape: Images["shape"], seed: number): Images {
  const random = seededRandom(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => normal(random)) };
}

/**
 * A random state with statistics of a trained network's kind: no gamma is 1, no mean 0, some gammas are negative.
 *
 * @param forms Form of all blocks or of each.
 */
export function randomState(plan: LayerPlan, forms: Form | readonly Form[], seed: number): StateDict {
  const random = seededRandom(seed);
  return new Map(
    stateLayout(plan, forms).map((entry) => {
      const data = Float32Array.from({ length: sizeOf(entry.shape) }, () => randomValue(entry, random));
      return [entry.name, { shape: entry.shape, data }];
    }),
  );
}

function randomValue({ role, shape }: StateEntry, random: Random): number {
  switch (role) {
    case "kernel":
    case "matrix":
      return normal(random) * Math.sqrt(1 / sizeOf(shape.slice(0, -1)));
    case "gamma":
      return (random() < 0.1 ? -1 : 1) * (0.5 + random());
    case "runningVar":
      return 0.25 + 2 * random();
    case "numBatchesTracked":
      return Math.floor(100 * random());
    case "bias":
    case "beta":
    case "runningMean":
      return random() - 0.5;
  }
}
