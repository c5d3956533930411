/** Starts this program again as another process: by Node from the sources, or as the single binary. */
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

export interface Invocation {
  readonly command: string;
  readonly args: string[];
}

/** The command that starts this program with these arguments. */
export function self(...args: readonly string[]): Invocation {
  // import.meta.url is evaluated only here, because it does not exist in the bundle of the single binary.
  const program = isSea() ? [] : [fileURLToPath(new URL('../main.ts', import.meta.url))];
  return { command: process.execPath, args: [...program, ...args] };
}
