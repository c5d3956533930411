/** This program, as a process of its own: from the sources by Node, as the single binary by itself. */
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

export interface Invocation {
  readonly command: string;
  readonly args: string[];
}

/** How to start the program again with these arguments. */
export function self(...args: readonly string[]): Invocation {
  // The URL is looked at only here, since the binary's bundle has none.
  const program = isSea() ? [] : [fileURLToPath(new URL('../main.ts', import.meta.url))];
  return { command: process.execPath, args: [...program, ...args] };
}
