/** Fits text into the columns of a terminal. */
import { styled } from './style.ts';

/** Characters that take two columns: ideographs, kana, Hangul, full-width forms and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Pads or shortens printable text to exactly this many columns. A shortened text ends with `…`. */
export function fit(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const fitted = cut(text, columns);
  const padding = ' '.repeat(Math.max(0, columns - widthOf(fitted)));
  return align === 'left' ? fitted + padding : padding + fitted;
}

/** Shortens printable text to at most this many columns. A shortened text ends with `…`. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let left = columns - 1;
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return columns <= 0 ? '' : `${kept}…`;
}

/** Breaks text between words into lines of at most this many columns. Longer words are broken too. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= columns) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (widthOf(line) > columns) {
      const head = cut(line, columns + 1).slice(0, -1) || [...line][0]!;
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  lines.push(line);
  return lines;
}

/** Colours a state by how good it is. */
export function state(text: string): string {
  if (text === 'healthy' || text === 'coherent') return styled('green', text);
  return styled(text === 'unhealthy' || text === 'blind' ? 'red' : 'yellow', text);
}

function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}
