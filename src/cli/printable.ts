/** Control, format and unassigned characters, lone surrogates, line and paragraph separators. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Makes text of others safe for a terminal: escapes invisible characters, so that they cannot control the terminal. */
export function printable(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Shortens printable text to this many characters; the last one is then `…`. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, Math.max(0, most - 1))}…`;
}
