import { nearestName, RepvggError } from "@repvgg/core";
import { downloadDataset, PUBLISHED_DATASETS } from "@repvgg/data/node";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { duration, grouped } from "./numbers.ts";
import { type Progress, startProgress } from "./progress.ts";

export interface DownloadDataOptions {
  out: string;
  url?: string | undefined;
  md5?: string | undefined;
  keepArchive: boolean;
}

type Phase = "download" | "unpack";

const MEGABYTE = 1e6;
const TITLES = { download: "downloading, MB", unpack: "unpacking, files" } as const satisfies Record<Phase, string>;

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
      report: (message) => progress.note(message),
      onProgress: (phase, done, total) => progress.update(phase, done, total),
    });
    return { value: { folder }, text: `Data set: ${folder}\nNext: repvgg data inspect ${folder}` };
  } finally {
    await progress.stop();
  }
}

/** One bar after the other, with the rate and the time left. */
class PhaseProgress {
  readonly #terminal: Terminal;
  #phase: Phase | undefined;
  #bar: Promise<Progress> | undefined;
  #start = { time: 0, done: 0 };

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  update(phase: Phase, done: number, total: number | undefined): void {
    const unit = phase === "download" ? MEGABYTE : 1;
    if (phase !== this.#phase) {
      void this.stop();
      this.#phase = phase;
      this.#start = { time: performance.now(), done };
      this.#bar = startProgress(this.#terminal, TITLES[phase], Math.ceil((total ?? 0) / unit));
    }
    const seconds = (performance.now() - this.#start.time) / 1000;
    const rate = seconds > 0 ? Math.max(0, done - this.#start.done) / seconds : 0;
    const left = total !== undefined && rate > 0 ? `, ${duration((total - done) / rate)} left` : "";
    const speed = phase === "download" ? `${(rate / MEGABYTE).toFixed(1)} MB/s` : `${grouped(Math.round(rate))}/s`;
    void this.#bar?.then((bar) => bar.update(Math.floor(done / unit), speed + left));
  }

  note(line: string): void {
    if (this.#bar) void this.#bar.then((bar) => bar.note(line));
    else this.#terminal.note(line);
  }

  async stop(): Promise<void> {
    const bar = this.#bar;
    this.#bar = undefined;
    (await bar)?.stop();
  }
}
