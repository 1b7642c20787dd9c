import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { digitsFolder, TINY } from "./test-digits.ts";
import { SETTINGS } from "./training-options.ts";

const { run, at, read } = digitsFolder();

describe("a config file", () => {
  it.each([
    ["config.json", JSON.stringify({ data: "digits", model: "mnist-student", epochs: 7, batchSize: 16, lr: 0.02 })],
    ["config.yaml", "data: digits\nmodel: mnist-student # small\nepochs: 7\nbatchSize: 16\nlr: 0.02\n"],
  ])("%s gives settings, and flags win", async (name, text) => {
    await writeFile(at(name), text);
    const { code, stdout } = await run("train", "--config", name, "--epochs", "2", "--dry-run", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).settings).toMatchObject({ epochs: 2, lr: 0.02, batchSize: 16, momentum: 0.9 });
  });

  it("may be the config.json of an earlier run", async () => {
    await run("train", ...TINY, "--epochs", "1", "--limit", "16", "--lr", "0.03", "--out", "out/earlier");
    const { code, stdout } = await run("train", "--config", "out/earlier/config.json", "--dry-run", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).settings).toMatchObject({ lr: 0.03, limit: 16, threads: 2 });
  });

  it.each([
    ["an unknown setting", '{"epoch": 3}', 'there is no setting "epoch". Did you mean epochs?'],
    ["a value out of range", '{"momentum": 1.5}', "momentum must be a number in [0, 1), got 1.5."],
    ["a value of another kind", '{"epochs": "3"}', 'epochs must be a whole number in [1, 100000], got "3".'],
    ["a setting of the other command", '{"teacher": "a"}', '"teacher" is a setting of `repvgg distill`'],
    [
      "an unknown choice",
      '{"schedule": "linear"}',
      'schedule must be one of cosine, step, multi-step, polynomial, one-cycle, constant, got "linear".',
    ],
    ["a list", "[]", "it must hold one object of settings"],
    ["no JSON", "{", "The config file bad.json cannot be used"],
  ])("with %s: 2", async (_, text, message) => {
    await writeFile(at("bad.json"), text);
    const { code, stderr } = await run("train", ...TINY, "--config", "bad.json");
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("that is missing: 2", async () => {
    const { code, stderr } = await run("train", "--config", "nowhere.json");
    expect(code).toBe(2);
    expect(stderr).toContain("The config file nowhere.json cannot be used: there is no such file");
  });
});

describe("init", () => {
  it.each(["train", "distill"] as const)(
    "writes every setting of %s, and the command takes the file",
    async (command) => {
      const file = `${command}.yaml`;
      const { code, stdout } = await run("init", file, "--for", command);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`Next: repvgg ${command} --config ${file}`)]);
      const text = (await read(file)).toString();
      for (const key of Object.keys(SETTINGS[command])) expect(text).toMatch(new RegExp(`^(# )?${key}: `, "m"));
      // Without its comment signs it says the defaults.
      const all = text.replaceAll(/^# (\w+: (?!\(default|.* ).*)$/gm, "$1").replace(/^data: .*$/m, "data: digits");
      await writeFile(at("all.yaml"), all.replace(/^teacher: .*$/m, "teacher: out/teacher"));
      await run("train", ...TINY, "--epochs", "1", "--limit", "16", "--out", "out/of-init");
      const teacher = command === "distill" ? ["--teacher", "out/of-init", "--any-teacher"] : [];
      const args = [
        command,
        "--config",
        "all.yaml",
        ...teacher,
        "--limit",
        "16",
        "--batch-size",
        "16",
        "--dry-run",
        "--json",
      ];
      const planned = await run(...args);
      expect([planned.code, planned.stderr]).toEqual([0, expect.any(String)]);
      expect(JSON.parse(planned.stdout).settings).toMatchObject({ epochs: 4, momentum: 0.9, nesterov: false });
      expect((await run("init", file)).code).toBe(2);
    },
  );

  it("writes YAML only", async () => {
    const { code, stderr } = await run("init", "config.json");
    expect([code, stderr]).toEqual([2, expect.stringContaining("must end in .yaml or .yml")]);
  });
});
