/**
 * One HTML file that needs nothing else: styles, scripts and data are in it, and its own policy forbids the
 * browser to fetch anything. It opens from a disk, from a CI server's artefacts and in ten years.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

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
<style>${library('uPlot.min.css')}</style>
<style>${own('style.css')}</style>
</head>
<body>
${body}
<script type="application/json" id="data">${escapeJson(JSON.stringify(data))}</script>
<!-- The plots are drawn by uPlot:
${licence()}
-->
<script>${library('uPlot.iife.min.js')}</script>
<script>${own('charts.js')}</script>
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

/** A file beside this one. */
export function own(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

// No `<` in the JSON: a `</script>` or `<!--` within a string would end or swallow the element.
function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c');
}

// The banner is an address; the licence, which the page carries in full, says what the banner must.
function library(name: string): string {
  return readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8').replace(/^\/\*![\s\S]*?\*\/\s*/, '');
}

function licence(): string {
  return readFileSync(require.resolve('uplot/LICENSE'), 'utf8');
}
