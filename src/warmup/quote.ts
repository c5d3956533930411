const LONGEST = 60;
// JSON leaves these bare, and some terminals act on them.
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

/** Text from a file, in double quotes, cut at 60 characters, safe to print on a terminal. */
export function quote(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(cut).replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
