import { beforeAll, describe, expect, it } from "vitest";
import { start } from "./test-cli.ts";
import { digitsFolder, TINY } from "./test-digits.ts";

const command = digitsFolder();
const { run, read } = command;

describe("a stopped training", () => {
  // A few seconds, so that there is something to stop after the first epoch.
  const EPOCHS = 40;
  const LONG = [...TINY, "--epochs", `${EPOCHS}`, "--augment", "shift", "--warmup-epochs", "0.5", "--seed", "3"];
  const FIRST_EPOCH = `Epoch 1/${EPOCHS}`;

  beforeAll(async () => {
    await run("train", ...LONG, "--out", "out/whole");
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "saves on %s, ends with %i, and continues to the weights of one that was not stopped",
    async (signal, ends) => {
      const folder = `out/${signal}`;
      const stopped = start(["train", ...LONG, "--out", folder], command);
      await stopped.seen(FIRST_EPOCH);
      stopped.child.kill(signal);
      const { code, stdout, stderr } = await stopped.outcome;
      expect({ code, stdout }).toEqual({ code: ends, stdout: "" });
      expect(stderr).toContain("Its state is saved");
      expect(stderr).not.toContain(`Epoch ${EPOCHS}/${EPOCHS}`);

      const resumed = await run("train", "--resume", folder, "--json");
      expect(resumed.code).toBe(0);
      expect(JSON.parse(resumed.stdout)).toMatchObject({ run: folder, epochs: EPOCHS });
      for (const file of ["last.safetensors", "best.safetensors"]) {
        expect(await read(folder, file)).toEqual(await read("out/whole", file));
      }
      expect((await read(folder, "results.csv")).toString().trim().split("\n")).toHaveLength(1 + EPOCHS);
    },
  );

  it("continues after it was killed, too", async () => {
    const killed = start(["train", ...LONG, "--save-every", "1", "--out", "out/killed"], command);
    await killed.seen(FIRST_EPOCH);
    killed.child.kill("SIGKILL");
    await killed.outcome;
    expect((await run("train", "--resume", "out/killed")).code).toBe(0);
    expect(await read("out/killed/last.safetensors")).toEqual(await read("out/whole/last.safetensors"));
  });

  it("that is done is told again", async () => {
    const { code, stdout } = await run("train", "--resume", "out/whole", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ run: "out/whole", epochs: EPOCHS });
  });

  it.each([
    [
      "a flag that contradicts it",
      ["train", "--resume", "out/whole", "--lr", "0.5"],
      "out/whole was trained with other settings: --lr 0.1 -> 0.5.",
    ],
    ["the other command", ["distill", "--resume", "out/whole"], "is a run of `repvgg train`"],
    ["a folder that is no run", ["train", "--resume", "digits"], "digits is no run folder"],
  ])("is not continued with %s", async (_, args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
