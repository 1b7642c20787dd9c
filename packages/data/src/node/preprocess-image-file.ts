import { access } from "node:fs/promises";
import { type Images, RepvggError } from "@repvgg/core";
import type { Sharp } from "sharp";
import { type Preprocessing, preprocess } from "../preprocessing.ts";
import { NO_RANDOMNESS } from "../transform.ts";

/**
 * Decodes an image file (JPEG, PNG, WebP, …) and prepares it for a network.
 *
 * Transparent images are put on black. The embedded colour profile is ignored, as Pillow and so the training of most
 * published networks does.
 *
 * @returns `[1, H, W, inputChannels]`.
 * @throws {RepvggError} `E_DATA`: the file is missing, no image or damaged, or too small to be cut to the network's size;
 *   `E_UNSUPPORTED`: networks of other than 1 or 3 channels.
 */
export async function preprocessImageFile(file: string, preprocessing: Preprocessing): Promise<Images> {
  const { inputChannels, size } = preprocessing;
  if (inputChannels !== 1 && inputChannels !== 3) {
    throw new RepvggError(
      "E_UNSUPPORTED",
      `An image file cannot be given to a network of ${inputChannels} channels, only of 1 or 3.`,
    );
  }
  try {
    await access(file);
  } catch (cause) {
    throw new RepvggError("E_DATA", `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  const { default: sharp } = await import("sharp"); // 30 ms that only those who decode should pay
  const { data, width, height } = await decode(sharp(file, { ignoreIcc: true }), file, preprocessing);
  const bytes = cropCentre(data, [height, width, inputChannels], size, file);
  const { shape, data: values } = preprocess(preprocessing)(
    { shape: [1, ...size, inputChannels], data: bytes },
    NO_RANDOMNESS,
  );
  return { shape, data: values as Float32Array };
}

async function decode(image: Sharp, file: string, { inputChannels, resize, interpolation }: Preprocessing) {
  try {
    let pipeline = image.flatten({ background: "black" }).toColourspace(inputChannels === 1 ? "b-w" : "srgb");
    const { width, height } = await image.metadata();
    if (resize !== null && Math.min(width, height) !== resize) {
      const kernel = interpolation === "bicubic" ? "cubic" : "linear";
      // torchvision's rule: the longer side is scaled and cut to whole pixels.
      const [w, h] =
        width < height
          ? [resize, Math.trunc((resize * height) / width)]
          : [Math.trunc((resize * width) / height), resize];
      pipeline = pipeline.resize({ width: w, height: h, fit: "fill", kernel, fastShrinkOnLoad: false });
    }
    const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    if (info.channels !== inputChannels) {
      throw new Error(`it has ${info.channels} channels after decoding, ${inputChannels} were expected`);
    }
    return { data: data as Uint8Array, width: info.width, height: info.height };
  } catch (cause) {
    throw new RepvggError(
      "E_DATA",
      `${file} cannot be decoded as an image: ${(cause as Error).message}. Is it a complete JPEG, PNG or WebP file?`,
      { cause },
    );
  }
}

function cropCentre(
  from: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  size: readonly [height: number, width: number],
  file: string,
): Uint8Array {
  if (height < size[0] || width < size[1]) {
    throw new RepvggError(
      "E_DATA",
      `${file} has ${height}×${width} pixels, less than the network's ${size.join("×")}. Give a larger image, or a "resize".`,
    );
  }
  const top = halfToEven(height - size[0]);
  const left = halfToEven(width - size[1]);
  const row = size[1] * channels;
  const bytes = new Uint8Array(size[0] * row);
  for (let y = 0; y < size[0]; y++) {
    const start = ((top + y) * width + left) * channels;
    bytes.set(from.subarray(start, start + row), y * row);
  }
  return bytes;
}

/** Half of a whole number, rounded as Python's round() and so torchvision's CenterCrop does: 2.5 to 2, 3.5 to 4. */
function halfToEven(n: number): number {
  const half = Math.floor(n / 2);
  return n % 2 !== 0 && half % 2 !== 0 ? half + 1 : half;
}
