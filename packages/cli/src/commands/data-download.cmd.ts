import { defineCommand } from "../command.ts";

export const dataDownload = defineCommand({
  name: "data download",
  summary: "Fetch a published data set, check and unpack it; goes on where it was stopped.",
  example: "repvgg data download tiny-imagenet --out data",
  positionals: [{ name: "name", help: "tiny-imagenet" }],
  options: {
    out: { kind: "text", value: "folder", help: "where the data set's own folder is made", default: "." },
    url: { kind: "text", value: "url", help: "another address of the same archive", defaultText: "the publisher's" },
    md5: {
      kind: "text",
      value: "hex",
      help: "checksum of another archive; `none` takes any",
      defaultText: "the published one",
    },
    keepArchive: { kind: "flag", help: "leave the archive beside the folder" },
  },
  async run({ args: [name], options, terminal }) {
    const { downloadData } = await import("../run/download-data.ts");
    return downloadData(name!, options, terminal);
  },
});
