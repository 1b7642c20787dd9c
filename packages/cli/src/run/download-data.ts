import { nearestName, RepvggError } from "@repvgg/core";
import { downloadDataset, PUBLISHED_DATASETS } from "@repvgg/data/node";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { type Phase, PhaseProgress } from "./phase-progress.ts";

export interface DownloadDataOptions {
  out: string;
  url?: string | undefined;
  md5?: string | undefined;
  keepArchive: boolean;
}

const MEGABYTE = 1e6;
const PHASES = {
  download: {
    title: "downloading, MB",
    unit: MEGABYTE,
    describeRate: (rate) => `${(rate / MEGABYTE).toFixed(1)} MB/s`,
  },
  unpack: { title: "unpacking, files" },
} as const satisfies Record<string, Phase>;

/** Fetches, checks and unpacks a published data set. */
export async function downloadData(
  name: string,
  { out, url, md5, keepArchive }: DownloadDataOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const names = Object.keys(PUBLISHED_DATASETS);
  if (!(name in PUBLISHED_DATASETS)) {
    const nearest = nearestName(name.toLowerCase(), names);
    throw new RepvggError("E_USAGE", `There is no data set "${name}" to download. Did you mean ${nearest}?`);
  }
  if (url !== undefined && !/^https?:\/\/./.test(url)) {
    throw new RepvggError("E_USAGE", `--url must be an address that begins with http:// or https://, got "${url}".`);
  }
  if (md5 !== undefined && !/^([0-9a-f]{32}|none)$/i.test(md5)) {
    throw new RepvggError("E_USAGE", `--md5 must be 32 hexadecimal digits, or none, got "${md5}".`);
  }
  const dataset = PUBLISHED_DATASETS[name as keyof typeof PUBLISHED_DATASETS];
  const progress = new PhaseProgress(terminal);
  try {
    const folder = await downloadDataset(dataset, out, {
      url,
      md5: md5 === "none" ? false : md5,
      keepArchive,
      signal: terminal.interruptSignal(),
      report: (message) => terminal.note(message),
      onProgress: (phase, done, total) => progress.update(PHASES[phase], done, total),
    });
    return { value: { folder }, text: `Data set: ${folder}\nNext: repvgg data inspect ${folder}` };
  } finally {
    await progress.stop();
  }
}
