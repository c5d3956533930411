import { readFileSync } from 'node:fs';

/** The text of a `.lua` file of this folder. The single binary contains the files: `scripts/build/bundle.ts`. */
export function lua(name: string): string {
  return readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8');
}
