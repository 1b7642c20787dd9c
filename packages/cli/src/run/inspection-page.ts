import { isEncoded, type LabelledImages } from "@repvgg/data";
import { type DatasetReport, type SampleRow, sampleSheet, type Thumbnail } from "@repvgg/data/node";
import { escapeHtml, htmlPage } from "@repvgg/report";
import { augmentedSamples, type SampleAugmentation } from "./augmented-samples.ts";
import { type DataSource, describeKind } from "./data-source.ts";
import { grouped } from "./numbers.ts";

const STYLE = `
.samples { display: grid; gap: 14px; }
.class { display: grid; grid-template-columns: 220px 1fr; gap: 6px 20px; align-items: center; }
.class .name { overflow-wrap: anywhere; font-size: 15px; }
.class small { display: block; color: var(--muted); }
.class .share { height: 4px; margin-top: 6px; border-radius: 2px; background: var(--distilled); }
.thumbnails { display: flex; flex-wrap: wrap; gap: 6px; }
.thumbnails img, .thumbnails span { display: block; min-width: 48px; height: 72px; border-radius: 6px; border: 1px solid var(--line); }
.thumbnails span { padding: 8px; font-size: 12px; color: var(--bad); }
.problem { margin-bottom: 14px; }
.problem ul { margin: 6px 0 0; padding-left: 20px; max-height: 220px; overflow: auto; font-size: 14px; color: var(--muted); }
.problem b { text-transform: capitalize; }
@media (max-width: 760px) { .class { grid-template-columns: 1fr; } }
`;
/** Files of a problem that the page lists. */
const LISTED = 200;

/** A page to look at: the findings, and samples of each class in each part. */
export async function inspectionPage(
  source: DataSource,
  report: DatasetReport,
  perClass: number,
  augmentation?: SampleAugmentation,
): Promise<string> {
  const sections: string[] = [];
  for (const [split, dataset] of Object.entries(source.splits)) {
    sections.push(sampleSection(split, dataset, await sampleSheet(dataset, { perClass })));
  }
  const training = source.splits.train ?? source.splits.all;
  if (augmentation && training) sections.unshift(await augmentedSection(training, augmentation));
  const body = `<header><p class="eyebrow">Data set</p><h1>${escapeHtml(source.name)}</h1>
<p class="lead">${escapeHtml(describeKind(report))}, ${grouped(report.classes.length)} classes</p></header>
${figures(report)}
${problems(report)}
${sections.join("\n")}`;
  return htmlPage({ title: `${source.name}: data set`, body, style: STYLE });
}

function figures({ splits }: DatasetReport): string {
  const items = Object.entries(splits).map(([split, { images, imbalance, width, height }]) => {
    const size = `${width.median} x ${height.median} pixels in the middle; largest class ${imbalance.toFixed(1)} times the smallest`;
    return `<div><dt>${escapeHtml(split)}</dt><dd>${grouped(images)}<small>${escapeHtml(size)}</small></dd></div>`;
  });
  return `<dl class="figures">${items.join("\n")}</dl>`;
}

function problems({ problems: found }: DatasetReport): string {
  if (found.length === 0) return `<section><h2>Problems</h2><p>Nothing is wrong with it.</p></section>`;
  const items = found.map(({ code, severity, message, files = [] }) => {
    const listed = files.slice(0, LISTED).map((file) => `<li>${escapeHtml(file)}</li>`);
    if (files.length > LISTED) listed.push(`<li>${grouped(files.length - LISTED)} more</li>`);
    const list = listed.length > 0 ? `<ul>${listed.join("")}</ul>` : "";
    return `<div class="card problem"><b class="${severity === "error" ? "worse" : ""}">${severity}</b> ${escapeHtml(code)}
<div>${escapeHtml(message)}</div>${list}</div>`;
  });
  return `<section><h2>Problems</h2>${items.join("\n")}</section>`;
}

function sampleSection(split: string, dataset: LabelledImages, rows: readonly SampleRow[]): string {
  const most = Math.max(...rows.map(({ images }) => images));
  const shown =
    rows.length < dataset.classes.length ? `${rows.length} of ${grouped(dataset.classes.length)} classes. ` : "";
  const list = rows.map(({ label, images, thumbnails }) => {
    const name = `${escapeHtml(dataset.classes[label]!)}<small>label ${label}, ${grouped(images)} images</small>`;
    const bar = `<div class="share" style="width:${((100 * images) / most).toFixed(1)}%"></div>`;
    return `<div class="class"><div class="name">${name}${bar}</div><div class="thumbnails">${thumbnails.map(thumbnail).join("")}</div></div>`;
  });
  return `<section><h2>Samples of ${escapeHtml(split)}</h2><p>${shown}Bars: images of a class, of the largest one's.</p>
<div class="card samples">${list.join("\n")}</div></section>`;
}

async function augmentedSection(dataset: LabelledImages, augmentation: SampleAugmentation): Promise<string> {
  const { augment, mixup, cutmix, randomErasing, imageSize } = augmentation;
  const parts = [
    `--augment ${augment}`,
    ...(mixup > 0 ? [`--mixup ${mixup}`] : []),
    ...(cutmix > 0 ? [`--cutmix ${cutmix}`] : []),
    ...(randomErasing > 0 ? [`--random-erasing ${randomErasing}`] : []),
  ];
  const size = isEncoded(dataset) ? `, ${imageSize} pixels` : "";
  const rows = await augmentedSamples(dataset, augmentation).catch((error: Error) => error);
  const content =
    rows instanceof Error
      ? `<p>${escapeHtml(rows.message)}</p>`
      : rows.map(({ label, epochs }) => augmentedRow(dataset.classes[label]!, label, epochs)).join("\n");
  return `<section><h2>As training sees them</h2><p>Each row is one image in six epochs: ${escapeHtml(parts.join(" "))}${size}.</p>
<div class="card samples">${content}</div></section>`;
}

function augmentedRow(name: string, label: number, epochs: readonly Uint8Array[]): string {
  const images = epochs.map((jpeg, epoch) => thumbnail({ name: `${name}, epoch ${epoch + 1}`, jpeg }));
  return `<div class="class"><div class="name">${escapeHtml(name)}<small>label ${label}</small></div><div class="thumbnails">${images.join("")}</div></div>`;
}

function thumbnail({ name, jpeg }: Thumbnail): string {
  if (jpeg === undefined) return `<span title="${escapeHtml(name)}">cannot be decoded</span>`;
  const address = `data:image/jpeg;base64,${Buffer.from(jpeg).toString("base64")}`;
  return `<img loading="lazy" src="${address}" alt="${escapeHtml(name)}" title="${escapeHtml(name)}">`;
}
