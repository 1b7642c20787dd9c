import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";

/** A folder that is gone after the test. Its name has a blank and letters beyond ASCII, as users' folders have. */
export async function temporaryFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "repvgg data é "));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A small JPEG of one colour. */
export function jpeg({ width = 8, height = 8, grey = 128 } = {}): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: { r: grey, g: grey, b: grey } } })
    .jpeg()
    .toBuffer();
}

/** The same picture as another file: with a comment in its header. */
export function withComment(image: Buffer, comment: string): Buffer {
  const text = Buffer.from(comment);
  const segment = Buffer.from([0xff, 0xfe, (text.length + 2) >> 8, (text.length + 2) & 255]);
  return Buffer.concat([image.subarray(0, 2), segment, text, image.subarray(2)]);
}

/** Writes files by their paths below `root`, with the folders that they need. */
export async function writeTree(root: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

export interface TinyImagenetSize {
  classes?: number;
  perClass?: number;
  valPerClass?: number;
  test?: number;
}

/** Writes a data set that has the shape of Tiny-ImageNet as it is downloaded; every file has other bytes. */
export async function writeTinyImagenet(
  root: string,
  { classes = 3, perClass = 4, valPerClass = 2, test = 2 }: TinyImagenetSize = {},
): Promise<void> {
  const wnids = Array.from({ length: classes }, (_, c) => `n${String(1443537 + 7 * c).padStart(8, "0")}`);
  const base = await jpeg({ width: 64, height: 64 });
  const put = async (folder: string, names: readonly string[]) => {
    await mkdir(join(root, folder), { recursive: true });
    for (const name of names) await writeFile(join(root, folder, name), withComment(base, `${folder}/${name}`));
  };
  for (const wnid of wnids) {
    await put(
      `train/${wnid}/images`,
      Array.from({ length: perClass }, (_, i) => `${wnid}_${i}.JPEG`),
    );
    await writeFile(join(root, "train", wnid, `${wnid}_boxes.txt`), `${wnid}_0.JPEG\t0\t10\t63\t58\n`);
  }
  const val = Array.from({ length: classes * valPerClass }, (_, i) => `val_${i}.JPEG`);
  await put("val/images", val);
  await put(
    "test/images",
    Array.from({ length: test }, (_, i) => `test_${i}.JPEG`),
  );
  const annotation = (name: string, i: number) => `${name}\t${wnids[i % classes]}\t0\t32\t44\t62\n`;
  await writeTree(root, {
    "val/val_annotations.txt": val.map(annotation).join(""),
    "wnids.txt": [...wnids].reverse().join("\n"), // not in sorted order, as in the original
    "words.txt": ["n00001740\tentity", ...wnids.map((wnid, c) => `${wnid}\tclass ${c}, also ${c}`)].join("\n"),
  });
}
