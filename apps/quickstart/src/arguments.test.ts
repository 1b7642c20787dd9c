import { DEVICE_NAMES } from "@repvgg/backend";
import { describe, expect, it } from "vitest";
import { HELP, parseArguments } from "./arguments.ts";

const usage = (message: string | RegExp) =>
  expect.objectContaining({ code: "E_USAGE", message: expect.stringMatching(message) });

describe("parseArguments", () => {
  it("has the defaults that the help names", () => {
    expect(parseArguments([], {})).toEqual({
      help: false,
      seeds: 1,
      firstSeed: 2,
      out: "runs/quickstart",
      device: "auto",
      threads: undefined,
      fresh: false,
      wide: true,
      limit: undefined,
      epochs: undefined,
    });
  });

  it("reads every option", () => {
    const argv =
      "--seeds 3 --first-seed 1 --out here --device cpu --threads=2 --fresh --no-wide --limit 512 --epochs 1".split(
        " ",
      );
    expect(parseArguments(argv, {})).toMatchObject({
      ...{
        seeds: 3,
        firstSeed: 1,
        out: "here",
        device: "cpu",
        threads: 2,
        fresh: true,
        wide: false,
        limit: 512,
        epochs: 1,
      },
    });
  });

  it("names every device in the help", () => {
    expect(HELP).toContain(`--device NAME  what computes: auto, ${DEVICE_NAMES.join(", ")} (`);
  });

  it("explains every option in the help", () => {
    for (const name of [
      "seeds",
      "first-seed",
      "out",
      "device",
      "threads",
      "fresh",
      "no-wide",
      "limit",
      "epochs",
      "help",
    ]) {
      expect(HELP).toContain(`--${name}`);
    }
  });

  it("takes the environment's word on wide vectors", () => {
    expect(parseArguments([], { REPVGG_NO_WIDE: "1" }).wide).toBe(false);
    expect(parseArguments([], { REPVGG_NO_WIDE: "0" }).wide).toBe(true);
  });

  it("names the nearest option when there is none", () => {
    expect(() => parseArguments(["--seed", "3"], {})).toThrow(usage("--seed. Did you mean --seeds"));
    expect(() => parseArguments(["--epoch=3"], {})).toThrow(usage("--epoch. Did you mean --epochs"));
  });

  it("refuses values out of range, missing ones and stray words", () => {
    expect(() => parseArguments(["--seeds", "0"], {})).toThrow(
      usage('--seeds must be a whole number from 1 to 100, got "0"'),
    );
    expect(() => parseArguments(["--epochs", "1.5"], {})).toThrow(usage("--epochs"));
    expect(() => parseArguments(["--threads", ""], {})).toThrow(usage("--threads"));
    expect(() => parseArguments(["--limit", "12"], {})).toThrow(usage("--limit"));
    expect(() => parseArguments(["--device", "gpu"], {})).toThrow(usage("--device must be one of auto, cuda"));
    expect(() => parseArguments(["--seeds"], {})).toThrow(usage("seeds"));
    expect(() => parseArguments(["please"], {})).toThrow(usage("please"));
  });
});
