import { availableParallelism, cpus } from "node:os";
import type { Comparison } from "./compare.ts";

/** More of a core than this, taken by others, makes a row doubtful. */
const DISTURBED = 0.1;

/** Where and when something was measured, as Markdown lines. */
export function machineLines(rounds: number): string[] {
  return [
    `- Date: ${new Date().toISOString().slice(0, 10)}`,
    `- CPU: ${cpuModel()}, ${availableParallelism()} cores`,
    `- Node ${process.version.slice(1)}, ${process.platform} ${process.arch}`,
    `- Medians (10 % and 90 % quantile) of up to ${rounds} rounds. Every peer is a process of its own and warm; in each round each has`,
    "  its turn. The ratio is the median of the rounds' ratios. Memory is the most that the whole process held.",
  ];
}

export const cpuModel = () => cpus()[0]?.model.trim() || "unknown";

/** One comparison as a Markdown table. */
export function comparisonLines({ work, results, absent, coresTaken }: Comparison): string[] {
  return [
    `### ${work.title}`,
    "",
    `\`--only ${work.id}\``,
    "",
    "| | median | 10 % to 90 % | time over the engine's | asked | peak memory |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...results.map(({ peer, description, medianMs, p10Ms, p90Ms, ratio, peakBytes }) => {
      const asked = peer === "engine" ? 0 : (work.peers[peer] ?? 0);
      const cells = [
        `${peer}: ${description}`,
        `${ms(medianMs)} ms`,
        `${ms(p10Ms)} to ${ms(p90Ms)}`,
        ratio.toFixed(2),
        asked ? `${asked.toFixed(2)}${ratio < asked ? ", **missed**" : ""}` : "",
        `${Math.round(peakBytes / 2 ** 20)} MiB`,
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    ...absent.map((reason) => `\nNot measured: ${reason}`),
    ...(coresTaken > DISTURBED ? [`\nOther processes took ${coresTaken.toFixed(2)} cores meanwhile.`] : []),
  ];
}

const ms = (value: number) => String(Number(value.toPrecision(3)));
