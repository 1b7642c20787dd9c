import type { Contest } from "../case.ts";

/** A row about images; one that names workers is about the loader. */
export interface DataRow extends Contest {
  readonly work: "data";
  /** Threads of the loader; absent: images are prepared on the main thread. */
  readonly workers?: number;
}

const PHOTOGRAPH = "640 × 427 JPEG to a 224 px tensor";

/** From encoded images to the input of a network, as RepVGG's authors validate. */
export const DATA_ROWS: readonly DataRow[] = [
  {
    id: "data-jpeg",
    title: `${PHOTOGRAPH}, 1 thread`,
    work: "data",
    wide: false,
    threads: 1,
    peers: { torchvision: 1.1 },
  },
  {
    id: "data-workers",
    title: `${PHOTOGRAPH}, 2 workers`,
    work: "data",
    wide: false,
    threads: 2,
    workers: 2,
    peers: { "1 worker": 1.8 },
  },
];
