import { readFile } from "node:fs/promises";
import { type Images, RepvggError } from "@repvgg/core";
import { toGrey } from "../image/enhance.ts";
import { loadResampler } from "../image/load-resampler.ts";
import { neededPart } from "../image/needed-part.ts";
import type { Resampler } from "../image/resampler.ts";
import { resizeAndCrop } from "../image/resize-and-crop.ts";
import { type Preprocessing, preprocess } from "../preprocessing.ts";
import { generatorOf } from "../random.ts";
import { NO_RANDOMNESS } from "../transform.ts";
import { decodeImage } from "./decode-image.ts";

let resampler: Promise<Resampler> | undefined;

/**
 * Decodes an image file (JPEG, PNG, WebP, …) and prepares it for a network: the same numbers as Pillow and torchvision give.
 *
 * @returns `[1, H, W, inputChannels]`.
 * @throws {RepvggError} as {@link preprocessImage}, and `E_DATA`: the file is missing.
 */
export async function preprocessImageFile(file: string, preprocessing: Preprocessing): Promise<Images> {
  checkChannels(preprocessing);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file. Check the path." : `${message}.`;
    throw new RepvggError("E_DATA", `${file} cannot be read: ${reason}`, { cause });
  }
  return preprocessImage(bytes, file, preprocessing);
}

/**
 * The same for the bytes of a file.
 *
 * @param bytes Borrowed.
 * @param name For messages.
 * @returns `[1, H, W, inputChannels]`.
 * @throws {RepvggError} `E_DATA`: no image or damaged, or too small to be cut to the network's size; `E_UNSUPPORTED`: networks of
 *   other than 1 or 3 channels.
 */
export async function preprocessImage(bytes: Uint8Array, name: string, preprocessing: Preprocessing): Promise<Images> {
  checkChannels(preprocessing);
  const { inputChannels } = preprocessing;
  const steps = [{ kind: "resizeAndCrop", ...preprocessing }] as const;
  const rgb = await decodeImage(bytes, name, (size) => neededPart(size, steps, generatorOf(0)));
  resampler ??= loadResampler();
  const image = resizeAndCrop(await resampler, inputChannels === 1 ? toGrey(rgb) : rgb, preprocessing, name);
  const { height, width, channels, data } = image;
  const { shape, data: values } = preprocess(preprocessing)(
    { shape: [1, height, width, channels], data },
    NO_RANDOMNESS,
  );
  return { shape, data: values as Float32Array };
}

/** Before anything is read: no image will do. */
function checkChannels({ inputChannels }: Preprocessing): void {
  if (inputChannels === 1 || inputChannels === 3) return;
  throw new RepvggError(
    "E_UNSUPPORTED",
    `An image file cannot be given to a network of ${inputChannels} channels, only of 1 or 3.`,
  );
}
