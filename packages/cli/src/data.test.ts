import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { commandInFolder } from "./test-cli.ts";

const command = commandInFolder();
const run = (...args: string[]) => command.run(...args);

/** Two classes of dark and bright photographs, in folders; the classes' names need escaping. */
async function writePhotos(folder: string, { train = 4, val = 2 } = {}): Promise<void> {
  for (const [split, count] of Object.entries({ train, val })) {
    for (const [name, level] of Object.entries({ dark: 60, "<bright> é": 200 })) {
      await mkdir(join(command.cwd, folder, split, name), { recursive: true });
      for (let i = 0; i < count; i++) {
        const background = { r: level + 9 * i, g: level, b: split === "train" ? 0 : 90 };
        const image = sharp({ create: { width: 40, height: 30, channels: 3, background } });
        await image.jpeg().toFile(join(command.cwd, folder, split, name, `${i}.jpg`));
      }
    }
  }
}

describe("data inspect", () => {
  it("says what kind of data set it is, and that nothing is wrong", async () => {
    await writePhotos("good set");
    const { code, stdout } = await run("data", "inspect", "good set");
    expect(code).toBe(0);
    expect(stdout).toContain("good set: image folder (train/ and val/ with class folders), 2 classes");
    expect(stdout).toMatch(/train +8 +2 +4 +40 +30 .*jpeg/);
    expect(stdout).toContain("Nothing is wrong with it.");
    expect(JSON.parse((await run("data", "inspect", "good set", "--json")).stdout)).toMatchObject({
      kind: "image-folder",
      splits: { train: { images: 8, classes: 2 }, val: { images: 4, classes: 2 } },
      problems: [],
    });
  });

  it("lists what is broken, moves it away, and writes a page", async () => {
    await writePhotos("bad");
    await writeFile(join(command.cwd, "bad/train/dark/page.jpg"), "<!doctype html>");
    const named = { stdout: expect.stringContaining("error not-an-image") };
    expect(await run("data", "inspect", "bad")).toMatchObject({ code: 0, ...named });
    expect(await run("data", "inspect", "bad", "--strict")).toMatchObject({ code: 1, ...named });
    const html = ["--html", "page.html", "--strict"];
    const found = await run("data", "inspect", "bad", "--quarantine", "broken", ...html, "--json");
    expect(found.code).toBe(0);
    const { problems, quarantined } = JSON.parse(found.stdout);
    expect(problems).toMatchObject([{ code: "not-an-image", severity: "error", files: ["train/dark/page.jpg"] }]);
    expect(quarantined).toEqual(["train/dark/page.jpg"]);
    expect(await readFile(join(command.cwd, "broken/train/dark/page.jpg"), "utf8")).toBe("<!doctype html>");
    const page = await readFile(join(command.cwd, "page.html"), "utf8");
    expect(page).toContain("&lt;bright&gt; é");
    expect(page.match(/<img /g)).toHaveLength(12);
  });

  it("takes warnings for no failure", async () => {
    await writePhotos("few", { train: 1, val: 0 });
    const { code, stdout } = await run("data", "inspect", "few/train", "--strict", "--json");
    const { problems } = JSON.parse(stdout);
    expect([code, problems]).toMatchObject([0, [{ code: "single-image", severity: "warning" }]]);
    await mkdir(join(command.cwd, "few/train/empty"));
    const empty = await run("data", "inspect", "few/train", "--quarantine", "nothing", "--strict", "--json");
    const found = JSON.parse(empty.stdout).problems.map((problem: { code: string }) => problem.code);
    expect([empty.code, found]).toEqual([1, ["empty-class", "single-image"]]);
  });

  it("shows images as training will see them, on disk and in memory", async () => {
    await writePhotos("augmented");
    const shown = async (...args: string[]) => {
      expect((await run("data", "inspect", ...args, "--html", "augmented.html")).code).toBe(0);
      const page = await readFile(join(command.cwd, "augmented.html"), "utf8");
      const [, section = ""] = page.split("As training sees them");
      const images = [...section.split("</section>")[0]!.matchAll(/base64,([^"]+)/g)].map(([, data]) => data!);
      const { width, height } = await sharp(Buffer.from(images[0] ?? "", "base64")).metadata();
      return { images: images.length, different: new Set(images).size, size: [width, height], section };
    };
    const mixed = ["--augment", "rand-augment", "--mixup", "0.2", "--random-erasing", "0.5", "--image-size", "48"];
    const photos = await shown("augmented", ...mixed);
    expect(photos).toMatchObject({ images: 48, size: [48, 48] });
    expect(photos.different).toBeGreaterThan(40);
    expect(photos.section).toContain("--augment rand-augment --mixup 0.2 --random-erasing 0.5, 48 pixels");
    expect(await shown("mnist", "--augment", "shift")).toMatchObject({ images: 48, size: [28, 28] });
  });

  it("divides a folder, and knows MNIST", async () => {
    await writePhotos("single");
    const divided = await run("data", "inspect", "single/train", "--split", "0.75", "--json");
    expect(JSON.parse(divided.stdout).splits).toMatchObject({ train: { images: 6 }, val: { images: 2 } });
    const { splits } = JSON.parse((await run("data", "inspect", "mnist", "--json")).stdout);
    expect(splits).toMatchObject({ train: { images: 60000, classes: 10 }, val: { images: 10000 } });
  });

  it.each([
    ["a missing folder", ["nowhere"], 1, "nowhere cannot be read: there is nothing of this name"],
    ["a folder of other things", ["."], 1, "is no data set that is known"],
    ["no share", ["good set", "--split", "1"], 2, "--split 1 must be between 0 and 1"],
    ["augmentation without a page", ["good set", "--augment", "crop-flip"], 2, "give it a file with --html"],
    ["a page in no folder", ["good set", "--html", "no/p.html"], 1, "the folder no does not exist"],
  ])("refuses %s", async (_, args, code, message) => {
    expect(await run("data", "inspect", ...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});
