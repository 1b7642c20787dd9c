import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import sharp, { type Sharp } from "sharp";

const COUNT = 16;
const [WIDTH, HEIGHT] = [640, 427];
const QUALITY = 90;
/** Sizes of the spots that a picture is made of, in pixels: coarse ones are strong, fine ones weak, as in nature. */
const SPOTS = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/** A folder of JPEG files that decode as photographs do; removed in the end. */
export class Photographs {
  readonly folder = mkdtempSync(join(tmpdir(), "repvgg-bench-"));
  readonly files = Array.from({ length: COUNT }, (_, i) => join(this.folder, `${i}.jpg`));

  async write(): Promise<void> {
    for (const [i, file] of this.files.entries()) await (await photograph(i)).jpeg({ quality: QUALITY }).toFile(file);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Noise of all sizes, the power of which falls with the frequency. */
async function photograph(seed: number): Promise<Sharp> {
  const random = xoroshiro128plus(seed);
  const sum = new Float32Array(WIDTH * HEIGHT * 3).fill(128);
  for (const spot of SPOTS) {
    const [width, height] = [Math.ceil(WIDTH / spot) + 1, Math.ceil(HEIGHT / spot) + 1];
    const noise = Uint8Array.from({ length: width * height * 3 }, () => random.next() & 255);
    const layer = await sharp(noise, { raw: { width, height, channels: 3 } })
      .resize(WIDTH, HEIGHT, { fit: "fill", kernel: "cubic" })
      .raw()
      .toBuffer();
    const strength = 0.05 + (0.5 * Math.sqrt(spot)) / Math.sqrt(SPOTS[0]!);
    layer.forEach((value, i) => {
      sum[i]! += (value - 128) * strength;
    });
  }
  const pixels = Uint8ClampedArray.from(sum);
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}
