import { defineCommand } from "../command.ts";

export const variants = defineCommand({
  name: "variants",
  summary: "List the named networks with their sizes, costs and published accuracy.",
  example: "repvgg variants",
  positionals: [],
  options: {},
  async run() {
    const { listVariants } = await import("../run/list-variants.ts");
    return listVariants();
  },
});
