import { expect, it } from "vitest";
import { parseForms } from "./parse-forms.ts";
import { defineSpec } from "./spec.ts";

const spec = defineSpec({ numBlocks: [1, 1, 1, 1], widthMultiplier: [1, 1, 1, 1] });

it.each([
  ["train", "train"],
  ["deploy", "deploy"],
  [
    ["train", "deploy", "deploy", "deploy", "train"],
    ["train", "deploy", "deploy", "deploy", "train"],
  ],
  [Array(5).fill("deploy"), "deploy"],
  [Array(4).fill("deploy"), undefined],
  [["train", "half", "deploy", "deploy", "train"], undefined],
  ["half", undefined],
  [undefined, undefined],
  [{ 0: "train", length: 1 }, undefined],
])("of %j: %j", (json, forms) => {
  expect(parseForms(json, spec)).toEqual(forms);
});
