/**
 * One HTML file that needs nothing else: styles, scripts and data are in it, and its own policy forbids the
 * browser to fetch anything. It opens from a disk, from a CI server's artefacts and in ten years.
 */
import { type Asset, asset } from './assets.ts';

// `script-src` names no host: nothing but what is written in the file may run, and nothing may be loaded.
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export interface Page {
  readonly title: string;
  /** HTML, escaped by whoever made it. */
  readonly body: string;
  /** What the scripts draw; they find it as `DATA`. */
  readonly data: unknown;
  /** The page's own script, after the plotting library and `charts.js`. */
  readonly script: string;
}

export function renderPage({ title, body, data, script }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escapeHtml(title)}</title>
<style>${library('uplot/dist/uPlot.min.css')}</style>
<style>${asset('report/style.css')}</style>
</head>
<body>
${body}
<script type="application/json" id="data">${escapeJson(JSON.stringify(data))}</script>
<!-- The plots are drawn by uPlot:
${asset('uplot/LICENSE')}
-->
<script>${library('uplot/dist/uPlot.iife.min.js')}</script>
<script>${asset('report/charts.js')}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Text that stands for itself in an element and in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

// No `<` in the JSON: a `</script>` or `<!--` within a string would end or swallow the element.
function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c');
}

// The banner is an address; the licence, which the page carries in full, says what the banner must.
function library(name: Asset): string {
  return asset(name).replace(/^\/\*![\s\S]*?\*\/\s*/, '');
}
