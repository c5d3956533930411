import { readFileSync } from 'node:fs';

/**
 * Returns the text of a `.lua` file in this folder. `scripts/build/bundle.ts` puts the files into the single binary.
 */
export function lua(name: string): string {
  return readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8');
}
