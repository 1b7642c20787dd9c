/**
 * Writes a data set of Tiny-ImageNet's shape and size, for timings: 100,000 training and 10,000 validation images of 200 classes.
 *
 *     node packages/data/scripts/make-tiny-imagenet.ts FOLDER [CLASSES] [IMAGES_PER_CLASS]
 */
import { writeTinyImagenet } from "../src/node/test-trees.ts";

const [folder, classes = "200", perClass = "500"] = process.argv.slice(2);
if (folder === undefined) throw new Error("Usage: make-tiny-imagenet.ts FOLDER [CLASSES] [IMAGES_PER_CLASS]");
const valPerClass = Math.ceil(Number(perClass) / 10);
await writeTinyImagenet(folder, {
  classes: Number(classes),
  perClass: Number(perClass),
  valPerClass,
  test: Number(classes) * valPerClass,
});
