const LONGEST = 60;
// JSON.stringify does not escape these characters, and some terminals interpret them.
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

/** Quotes text of a file for output on a terminal. It is truncated to 60 characters. */
export function quote(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(cut).replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
