import { RepvggError } from "@repvgg/core";
import { type DatasetReport, inspectDataset, quarantine, type SplitReport } from "@repvgg/data/node";
import type { CommandResult } from "../command.ts";
import { EXIT } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { changesImages } from "./augmentation.ts";
import type { SampleAugmentation } from "./augmented-samples.ts";
import { describeKind, openData } from "./data-source.ts";
import { DEFAULT_IMAGE_SIZE } from "./image-size.ts";
import { duration, grouped, scaled } from "./numbers.ts";
import { startProgress } from "./progress.ts";
import { table } from "./table.ts";

export interface InspectDataOptions extends Omit<SampleAugmentation, "imageSize"> {
  split?: number | undefined;
  decode: boolean;
  quarantine?: string | undefined;
  /** Errors that stay are a failure, as linters have it. */
  strict: boolean;
  html?: string | undefined;
  samples: number;
  imageSize?: number | undefined;
}

/** Files of a problem that are printed; `--json` has all. */
const SHOWN_FILES = 10;

/** What a data set is and what is wrong with it. Finding something is no failure of the command, unless `strict` asks for that. */
export async function inspectData(
  data: string,
  options: InspectDataOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const { split, seed, decode } = options;
  if (changesImages(options) && options.html === undefined) {
    throw new RepvggError("E_USAGE", "Augmented samples are shown on the page: give it a file with --html.");
  }
  const source = await openData({ data, split, seed }, { strict: false, terminal });
  const total = Object.values(source.splits).reduce((sum, { length }) => sum + length, 0);
  const signal = terminal.interruptSignal();
  const progress = await startProgress(terminal, "inspecting", total);
  const start = performance.now();
  const onProgress = (done: number, of: number) => {
    const left = done === 0 ? "" : `${duration(((performance.now() - start) / 1000 / done) * (of - done))} left`;
    progress.update(done, left);
  };
  let report: DatasetReport;
  try {
    report = await inspectDataset(source, { decode, onProgress, signal });
  } finally {
    progress.stop();
  }
  const moved = options.quarantine === undefined ? undefined : await quarantine(report, source, options.quarantine);
  const value = { ...report, ...(moved && { quarantined: moved }) };
  const text = describe(data, report);
  if (moved) text.push("", `Moved to ${options.quarantine}: ${grouped(moved.length)} files.`);
  if (options.html !== undefined) {
    await writePage(options.html, source, report, options);
    text.push("", `Page: ${options.html}`);
  }
  return {
    value,
    text: text.join("\n"),
    exitCode: options.strict && hasErrors(report, moved) ? EXIT.failure : EXIT.success,
  };
}

/** @param moved Files that are out of the way. */
function hasErrors({ problems }: DatasetReport, moved: readonly string[] = []): boolean {
  const gone = new Set(moved);
  const isGone = (files: readonly string[] = []) => files.length > 0 && files.every((file) => gone.has(file));
  return problems.some(({ severity, files }) => severity === "error" && !isGone(files));
}

async function writePage(
  file: string,
  source: Awaited<ReturnType<typeof openData>>,
  report: DatasetReport,
  { samples, imageSize = DEFAULT_IMAGE_SIZE, ...augmentation }: InspectDataOptions,
): Promise<void> {
  const { inspectionPage } = await import("./inspection-page.ts");
  const augmented = changesImages(augmentation) ? { ...augmentation, imageSize } : undefined;
  const { writeFileAtomically } = await import("@repvgg/checkpoint/node");
  try {
    await writeFileAtomically(file, await inspectionPage(source, report, samples, augmented));
  } catch (cause) {
    throw new RepvggError("E_DATA", (cause as Error).message, { cause });
  }
}

function describe(data: string, report: DatasetReport): string[] {
  const { classes, splits, unlabelled, problems } = report;
  const columns = [
    { title: "split", align: "left" as const },
    { title: "images" },
    { title: "classes" },
    { title: "per class" },
    { title: "width" },
    { title: "height" },
    { title: "bytes" },
    { title: "formats", align: "left" as const },
  ];
  const without = Object.entries(unlabelled).map(([folder, images]) => [
    folder,
    grouped(images),
    "none",
    ...Array(5).fill(""),
  ]);
  const lines = [
    `${data}: ${describeKind(report)}, ${classes.length} classes`,
    "",
    table(columns, [...Object.entries(splits).map(row), ...without]),
    "",
  ];
  if (problems.length === 0) return [...lines, "Nothing is wrong with it."];
  for (const { code, severity, message, files = [] } of problems) {
    lines.push(`${severity} ${code}: ${message}`);
    for (const file of files.slice(0, SHOWN_FILES)) lines.push(`  ${file}`);
    if (files.length > SHOWN_FILES) lines.push(`  ... ${grouped(files.length - SHOWN_FILES)} more; --json lists all`);
  }
  return lines;
}

function row([split, { images, classes, perClass, width, height, sizeBytes, formats = {} }]: [
  string,
  SplitReport,
]): string[] {
  const filled = perClass.filter((count) => count > 0);
  const [least, most] = [Math.min(...filled), Math.max(...filled)];
  const range = (min: number, max: number) => (min === max ? grouped(min) : `${grouped(min)}-${grouped(max)}`);
  return [
    split,
    grouped(images),
    grouped(classes),
    filled.length === 0 ? "0" : range(least, most),
    range(width.min, width.max),
    range(height.min, height.max),
    scaled(sizeBytes),
    Object.entries(formats)
      .map(([format, count]) => (count === images ? format : `${format} ${grouped(count)}`))
      .join(", "),
  ];
}
