import { escapeHtml } from "./escape-html.ts";
import { STYLE } from "./style.ts";

export interface PageOptions {
  readonly title: string;
  /** HTML. */
  readonly body: string;
  /** Rules after the page's own. */
  readonly style?: string;
  /** A browser that shows the page loads it again after so many seconds. @default never */
  readonly refreshSeconds?: number;
}

/** A whole HTML file that needs nothing else: no script, no font, no request. */
export function htmlPage({ title, body, style = "", refreshSeconds }: PageOptions): string {
  const refresh = refreshSeconds === undefined ? "" : `<meta http-equiv="refresh" content="${refreshSeconds}">\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh}<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}
