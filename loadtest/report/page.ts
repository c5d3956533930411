/**
 * A single HTML file with styles, scripts and data. Its policy forbids the browser to load anything else, so it opens
 * from a disk and from the artefacts of a CI server.
 */
import { type Asset, asset } from './assets.ts';

// `script-src` names no host: only scripts in the file run, and the browser loads nothing.
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export interface Page {
  readonly title: string;
  /** HTML, already escaped. */
  readonly body: string;
  /** The data that the scripts draw, as `DATA`. */
  readonly data: unknown;
  /** The script of the page; runs after the plotting library and `charts.js`. */
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

/** Escapes text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

// Without `<` in the JSON no string can end the element, as `</script>` and `<!--` would.
function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c');
}

// Removes the banner, which has a URL. The page contains the whole licence instead.
function library(name: Asset): string {
  return asset(name).replace(/^\/\*![\s\S]*?\*\/\s*/, '');
}
