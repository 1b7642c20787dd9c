export { type Bar, barChart } from "./bar-chart.ts";
export { escapeHtml } from "./escape-html.ts";
export { count, duration, millions, milliseconds, percent, shortPercent, tiny } from "./format.ts";
export { htmlPage, type PageOptions } from "./html-page.ts";
export { type Axis, type ChartOptions, legend, lineChart, type Series } from "./line-chart.ts";
export { type MatrixOptions, matrixTable } from "./matrix-table.ts";
export { type ReliabilityBin, reliabilityDiagram } from "./reliability-diagram.ts";
