import { createHash } from "node:crypto";
import { isEncoded, type LabelledImages } from "@repvgg/data";

/** What a data set can be recognised by, wherever it lies. */
export interface DataFingerprint {
  readonly images: number;
  /** SHA-256 of the classes, the labels, and the images: the bytes of those in memory, the names of those on disk. */
  readonly sha256: string;
}

export function fingerprintOf(dataset: LabelledImages): DataFingerprint {
  const hash = createHash("sha256");
  const { length, classes } = dataset;
  hash.update(JSON.stringify(classes));
  for (let i = 0; i < length; i++) {
    hash.update(`\n${dataset.label(i)} `);
    if (isEncoded(dataset)) {
      const { name, offset = 0, length: bytes = "" } = dataset.sample(i);
      hash.update(`${name} ${offset} ${bytes}`);
    } else hash.update(dataset.image(i));
  }
  return { images: length, sha256: hash.digest("hex") };
}
