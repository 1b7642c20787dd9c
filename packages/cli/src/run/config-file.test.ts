import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { DISTILL_SETTINGS, TRAIN_SETTINGS } from "../training-options.ts";
import { configSchema } from "./config-file.ts";

const published = JSON.parse(readFileSync(new URL("../../config.schema.json", import.meta.url), "utf8"));

describe("the published schema", () => {
  it("is that of the options", () => {
    const schema = z.toJSONSchema(configSchema({ ...TRAIN_SETTINGS, ...DISTILL_SETTINGS }));
    expect(published).toEqual({ title: "Configuration of repvgg train and repvgg distill", ...schema });
  });

  it("refuses what the command line refuses", () => {
    const schema = configSchema(TRAIN_SETTINGS);
    const accepts = (value: unknown) => schema.safeParse(value).success;
    expect(accepts({ lr: 0.1, epochs: 1, momentum: 0, schedule: "step", noWide: true, run: { any: "thing" } })).toBe(
      true,
    );
    for (const wrong of [
      { lr: 0 },
      { epochs: 0 },
      { epochs: 1.5 },
      { momentum: 1 },
      { schedule: "x" },
      { noWide: 1 },
    ]) {
      expect([wrong, accepts(wrong)]).toEqual([wrong, false]);
    }
  });
});
