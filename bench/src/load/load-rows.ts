import type { Contest } from "../case.ts";

/** A row about reading a checkpoint of PyTorch's. */
export interface LoadRow extends Contest {
  readonly work: "load";
  /** Whether a network is made of it. */
  readonly network: boolean;
}

/** The file is in the cache of the disk. */
export const LOAD_ROWS: readonly LoadRow[] = [
  {
    id: "a0-load",
    title: "repvgg-a0, train form: a .pth file into memory",
    work: "load",
    wide: false,
    threads: 1,
    network: false,
    peers: { pytorch: 1 },
  },
  {
    id: "a0-load-network",
    title: "repvgg-a0, train form: a .pth file into a network",
    work: "load",
    wide: false,
    network: true,
    peers: { pytorch: 1 },
  },
];
