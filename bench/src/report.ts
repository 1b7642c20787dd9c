import { isDisturbed, type PeerRow, type Row } from "./results.ts";

/** A row as Markdown, with all that was measured: what the bench prints. */
export function rowLines(row: Row): string[] {
  const { id, title, peers, rounds } = row;
  return [
    `### ${title}`,
    "",
    `\`--only ${id}\`, ${rounds} rounds`,
    "",
    "| | median | 10 % to 90 % | time over the engine's | asked | peak memory |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...peers.map((peer) => {
      const { medianMs, p10Ms, p90Ms, ratio, peakMib } = peer;
      const name = `${peer.peer}: ${peer.description}`;
      return `| ${name} | ${ms(medianMs)} ms | ${ms(p10Ms)} to ${ms(p90Ms)} | ${ratio.toFixed(2)} | ${asked(peer)} | ${peakMib} MiB |`;
    }),
    ...notes(row).map((note) => `\n${note}`),
  ];
}

/** All rows as the Markdown of RESULTS.md, those of each machine and Node in a table of their own. */
export function resultsPage(rows: readonly Row[]): string {
  const titles = [...new Set(rows.map(tableTitle))];
  const sections = titles.flatMap((title) =>
    tableLines(
      title,
      rows.filter((row) => tableTitle(row) === title),
    ),
  );
  return `${[...HEAD, ...sections].join("\n")}\n`;
}

const HEAD = [
  "# Measured speed",
  "",
  "Written by `npm run bench -- --write`; [results.json](results.json) has the quantiles, versions and dates of every row, and",
  "[PERFORMANCE.md](../PERFORMANCE.md) says what limits them.",
  "",
  "![Time of each library over the engine's](chart.svg)",
  "",
  "Every peer is a process of its own and warm; in each round each has its turn. Times are medians over the rounds. A **ratio** is the",
  "peer's time over the engine's, the median over the rounds: above 1, the engine is faster. **Memory** is the most that the whole",
  "process held, the engine's beside the peer's.",
];

const tableTitle = ({ node, cpu }: Row) => `Node ${node} on ${cpu}`;

function tableLines(title: string, rows: readonly Row[]): string[] {
  const dates = [...new Set(rows.map(({ date }) => date))].sort();
  const remarks = rows.flatMap((row) => notes(row).map((note) => `- ${row.title}: ${note}`));
  return [
    "",
    `## ${title}`,
    "",
    `Measured ${dates.length > 1 ? `${dates[0]} to ${dates.at(-1)}` : dates[0]}.`,
    "",
    "| work | engine | peer | its time | ratio | asked | memory |",
    "| --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ...rows.flatMap(({ title, peers: [engine, ...others] }) =>
      others.map((peer, i) => {
        const [work, own] = i === 0 ? [title, `${ms(engine!.medianMs)} ms`] : ["", ""];
        const memory = `${engine!.peakMib} / ${peer.peakMib} MiB`;
        return `| ${work} | ${own} | ${peer.peer} | ${ms(peer.medianMs)} ms | ${peer.ratio.toFixed(2)} | ${asked(peer)} | ${memory} |`;
      }),
    ),
    ...(remarks.length > 0 ? ["", ...remarks] : []),
  ];
}

const notes = (row: Row) => [
  ...row.absent.map((reason) => `not measured: ${reason}`),
  ...(isDisturbed(row) ? [`other processes took ${row.coresTaken.toFixed(2)} cores meanwhile`] : []),
];

const asked = ({ asked, ratio }: PeerRow) => (asked ? `${asked.toFixed(2)}${ratio < asked ? ", **missed**" : ""}` : "");

const ms = (value: number) => String(Number(value.toPrecision(3)));
