/** Rules of the pages about runs, after those of every page. */
export const RUN_STYLE = `
h1 { overflow-wrap: anywhere; }
.lead { overflow-wrap: anywhere; }
.status { margin: 14px 0 0; padding-left: 14px; border-left: 4px solid var(--muted); overflow-wrap: anywhere; }
.status.running { border-color: var(--distilled); } .status.finished { border-color: var(--good); }
.status.failed { border-color: var(--bad); } .status.stopped { border-color: var(--alone); }
code { font-size: .9em; overflow-wrap: anywhere; }
.uneven { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
.names tbody th { white-space: normal; overflow-wrap: anywhere; }
.stack { display: grid; gap: 20px; }
.axis { margin: 8px 0 10px; }
.matrix { min-width: calc(var(--classes) * 27px); }
.long-names .matrix { table-layout: auto; width: auto; }
.long-names .matrix thead th { writing-mode: vertical-rl; transform: rotate(180deg); height: auto; max-height: 110px; padding-top: 4px; text-align: left; overflow: hidden; text-overflow: ellipsis; }
.long-names .matrix tbody th { width: auto; max-width: 130px; padding-right: 8px; text-align: right; overflow: hidden; text-overflow: ellipsis; }
.long-names .matrix td { min-width: 27px; }
.calibration svg { width: 100%; max-width: 420px; }
.mistake img { object-fit: contain; }
.mistake .what { min-width: 0; white-space: normal; overflow-wrap: anywhere; }
.bar .name { overflow-wrap: anywhere; }
details { margin-top: 16px; } summary { cursor: pointer; color: var(--muted); } details > * + * { margin-top: 12px; }
@media (max-width: 760px) { .uneven { grid-template-columns: minmax(0, 1fr); } }
`;
