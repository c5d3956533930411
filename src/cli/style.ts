/** Colours of text on a terminal. Without a terminal, or with NO_COLOR, the text stays as it is. */
import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

export function styled(format: Format, text: string): string {
  // The check of Node is for its `stream`, and honours NO_COLOR and FORCE_COLOR.
  return styleText(format, text, { stream: process.stdout });
}
