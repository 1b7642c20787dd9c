import { availableParallelism, cpus } from "node:os";
import type { Comparison } from "./compare.ts";

/** Where and when something was measured, as Markdown lines. */
export function machineLines(threads: number, rounds: number): string[] {
  return [
    `- Date: ${new Date().toISOString().slice(0, 10)}`,
    `- CPU: ${cpus()[0]?.model.trim() || "unknown"}, ${availableParallelism()} cores; every peer has ${threads} threads`,
    `- Node ${process.version.slice(1)}, ${process.platform} ${process.arch}`,
    `- Medians (10 % and 90 % quantile) of ${rounds} rounds; in each round every peer has its turn`,
  ];
}

/** One comparison as a Markdown table. The ratio is the time of the peer over the time of the first. */
export function comparisonLines({ title, results, absent }: Comparison): string[] {
  const first = results[0]?.medianMs ?? Number.NaN;
  return [
    `### ${title}`,
    "",
    "| | median | 10 % to 90 % | time over the engine's | |",
    "| --- | ---: | ---: | ---: | --- |",
    ...results.map(
      ({ peer, description, medianMs, p10Ms, p90Ms }) =>
        `| ${peer} | ${ms(medianMs)} ms | ${ms(p10Ms)} to ${ms(p90Ms)} | ${(medianMs / first).toFixed(2)} | ${description} |`,
    ),
    ...absent.map((reason) => `\nNot measured: ${reason}.`),
  ];
}

const ms = (value: number) => String(Number(value.toPrecision(3)));
