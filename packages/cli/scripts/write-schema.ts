/** Writes `config.schema.json` anew, after an option of `train` or `distill` has changed: `node scripts/write-schema.ts`. */
import { writeFileSync } from "node:fs";
import { z } from "zod";
import { configSchema } from "../src/run/config-file.ts";
import { DISTILL_SETTINGS, TRAIN_SETTINGS } from "../src/training-options.ts";

const schema = z.toJSONSchema(configSchema({ ...TRAIN_SETTINGS, ...DISTILL_SETTINGS }));
const titled = { title: "Configuration of repvgg train and repvgg distill", ...schema };
writeFileSync(new URL("../config.schema.json", import.meta.url), `${JSON.stringify(titled, undefined, 2)}\n`);
