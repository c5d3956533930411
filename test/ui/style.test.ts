/** The files of the live page: contrast of its colours, and how much a browser loads. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { UI_SCRIPTS, uiFiles } from '../../src/service/ui-files.ts';

const CSS = readFileSync(new URL('../../src/ui/style.css', import.meta.url), 'utf8');
const THEMES = ['light', 'dark'] as const;
/** WCAG 2.2, level AA: of texts, and of lines and the borders of controls. */
const OF_TEXT = 4.5;
const OF_LINES = 3;

type Theme = (typeof THEMES)[number];

function colour(name: string, theme: Theme): string {
  const found = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\);`).exec(CSS);
  assert.ok(found, `style.css has the colour ${name}`);
  return theme === 'light' ? found[1]! : found[2]!;
}

/** The relative luminance of a colour, as WCAG defines it. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const TEXTS = ['text', 'muted', 'link', 'pass', 'warn', 'fail', 'series-1', 'series-3', 'series-4'];
const LINES = [...Array.from({ length: 7 }, (_, i) => `series-${i + 1}`), 'link', 'control-line'];
const BACKGROUNDS = ['page', 'panel', 'control'];

for (const theme of THEMES)
  test(`texts and lines of the ${theme} theme have the contrast of WCAG AA on every background`, () => {
    const low = (names: readonly string[], least: number) =>
      names.flatMap((name) =>
        BACKGROUNDS.map((background) => ({
          pair: `${name} on ${background}`,
          contrast: contrast(colour(name, theme), colour(background, theme)),
        })).filter((each) => each.contrast < least),
      );
    assert.deepEqual(low(TEXTS, OF_TEXT), []);
    assert.deepEqual(low(LINES, OF_LINES), []);
  });

test('every colour of the page is a variable with a light and a dark value', () => {
  const [, ...rules] = CSS.split('}');
  assert.deepEqual(rules.join('}').match(/#[0-9a-f]{3,8}\b(?=[;\s])/g), null);
});

test('scripts and styles of the page are small: at most 180 KB', () => {
  // The scripts that index.html names have two addresses, and a browser loads one of them.
  const twice = UI_SCRIPTS.map((name) => `/ui/${name}.ts`);
  const files = [...uiFiles()].filter(([path]) => /\.(js|ts|css)$/.test(path) && !twice.includes(path));
  const bytes = files.map(([, { read }]) => Buffer.byteLength(read())).reduce((a, b) => a + b, 0);
  assert.ok(bytes > 100_000 && bytes < 180_000, `${bytes} bytes`);
});
