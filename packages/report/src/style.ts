/** The page's style: system fonts, two colour schemes, one column on narrow screens. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --bg: #f6f7f9; --card: #ffffff; --ink: #14181f; --muted: #5c6675; --line: #e3e7ed;
  --teacher: #64748b; --alone: #d97706; --distilled: #0f6fde; --good: #0b8a5a; --bad: #cf3341;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0e1116; --card: #161b22; --ink: #e8ecf2; --muted: #98a3b3; --line: #2a313b;
    --teacher: #94a3b8; --alone: #f0a23b; --distilled: #58a6ff; --good: #3fc48b; --bad: #ff6b74;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--bg); color: var(--ink); line-height: 1.55; font-size: 16px;
  font-family: Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-feature-settings: "tnum"; font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
a { color: var(--distilled); }
main { max-width: 1120px; margin: 0 auto; padding: 56px 24px 72px; }
header { max-width: 820px; }
.eyebrow { margin: 0 0 10px; color: var(--muted); font-size: 13px; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; }
h1 { margin: 0; font-size: clamp(28px, 5vw, 44px); line-height: 1.12; letter-spacing: -.025em; font-weight: 720; text-wrap: balance; }
h1 em { font-style: normal; color: var(--distilled); }
.lead { margin: 16px 0 0; font-size: 18px; color: var(--muted); text-wrap: pretty; }
h2 { margin: 0 0 4px; font-size: 21px; letter-spacing: -.012em; font-weight: 680; }
h3 { margin: 0 0 2px; font-size: 15px; font-weight: 650; }
section { margin-top: 44px; }
section > p, .note { margin: 0 0 18px; color: var(--muted); max-width: 76ch; text-wrap: pretty; }
.note { margin: 14px 0 0; font-size: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px 22px; min-width: 0; }
.two { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 20px; align-items: start; }
.figures { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 14px; margin-top: 32px; }
.figures dt { color: var(--muted); font-size: 13.5px; }
.figures dd { margin: 2px 0 0; font-size: 28px; font-weight: 680; letter-spacing: -.02em; white-space: nowrap; }
.figures small { display: block; font-size: 13.5px; font-weight: 400; letter-spacing: 0; color: var(--muted); white-space: normal; line-height: 1.4; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th, td { padding: 9px 14px 9px 0; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); font-weight: 400; }
thead th { border-top: 0; color: var(--muted); font-size: 13.5px; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
th:last-child, td:last-child { padding-right: 0; }
tbody th { font-weight: 600; }
.better { color: var(--good); font-weight: 600; }
.worse { color: var(--bad); font-weight: 600; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; background: currentColor; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 0 0 14px; padding: 0; list-style: none; font-size: 14px; }
.card svg { display: block; max-width: 100%; height: auto; }
.wide svg, .narrow svg { width: 100%; }
.wide svg { max-width: 760px; }
.card h3 + .bars { margin-top: 12px; }
@media (min-width: 761px) { .two .bar { grid-template-columns: 110px 1fr 190px; } }
.narrow { display: none; }
.matrix { table-layout: fixed; font-size: 13.5px; border-collapse: separate; border-spacing: 2px; }
.matrix th, .matrix td { padding: 0; height: 32px; text-align: center; border: 0; }
.matrix th { color: var(--muted); font-weight: 600; }
.matrix tbody th { width: 22px; }
.matrix td { border-radius: 4px; background: color-mix(in srgb, var(--tint) calc(var(--v) * 100%), transparent); }
.matrix td.hot { color: var(--card); font-weight: 600; }
.matrix td.same { background: none; color: var(--muted); font-size: 12px; }
.matrix td.none { color: color-mix(in srgb, var(--muted) 40%, transparent); }
.mistakes { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 16px; }
.mistake { padding: 14px; }
.mistake .head { display: flex; gap: 12px; align-items: center; }
.mistake .digit { flex: none; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.mistake img { display: block; width: 84px; height: 84px; image-rendering: pixelated; }
.mistake .what { white-space: nowrap; font-size: 13.5px; line-height: 1.45; color: var(--muted); }
.mistake .what b { color: var(--ink); font-size: 15px; }
.mistake svg { width: 100%; margin-top: 10px; overflow: visible; }
.bars { display: grid; gap: 18px; }
.bar { display: grid; grid-template-columns: 165px 1fr 220px; gap: 14px; align-items: center; font-size: 15px; }
.bar .track { position: relative; height: 26px; border-radius: 6px; background: color-mix(in srgb, var(--line) 60%, transparent); }
.bar .fill { position: absolute; inset: 0 auto 0 0; border-radius: 6px; }
.bar .spread { position: absolute; top: 11px; height: 4px; border-radius: 2px; background: var(--ink); opacity: .55; }
.bar .value { font-weight: 650; }
.bar small { white-space: nowrap; color: var(--muted); font-weight: 400; font-size: 13.5px; }
.settings { display: grid; grid-template-columns: max-content 1fr; gap: 5px 24px; margin: 0; font-size: 14.5px; }
.settings dt { color: var(--muted); }
.settings dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 48px; color: var(--muted); font-size: 14px; }
svg text { font-family: inherit; }
@media (max-width: 900px) { .mistakes { grid-template-columns: repeat(3, minmax(0, 1fr)); } .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (max-width: 760px) {
  main { padding: 32px 16px 48px; }
  .two { grid-template-columns: minmax(0, 1fr); }
  .card { padding: 16px; }
  .mistakes { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
  .mistake { padding: 10px; }
  .mistake .head { flex-direction: column; align-items: flex-start; gap: 6px; }
  .bar { grid-template-columns: 1fr; gap: 4px; }
}
@media (max-width: 480px) {
  .wide { display: none; } .narrow { display: block; }
  .figures { gap: 10px; } .figures dd { font-size: 23px; }
  .matrix { font-size: 11px; border-spacing: 1px; } .matrix th, .matrix td { height: 27px; } .matrix tbody th { width: 14px; } .matrix td.same { font-size: 10px; }
  .settings { grid-template-columns: 1fr; gap: 0; } .settings dd { margin-bottom: 8px; }
}
@media print { body { background: none; } .card { break-inside: avoid; } }
`;
