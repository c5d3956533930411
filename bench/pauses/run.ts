/** Each measurement in a process of its own, so that none finds the heap of another. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Encoding } from '../../src/cache/entry.ts';
import type { Bytes, Origin, Phase } from './figures.ts';

export function bytesOf(entries: number, origin: Origin, encoding: Encoding): Bytes {
  return run(['--expose-gc'], 'bytes', entries, origin, encoding) as Bytes;
}

/** @param semiSpace half of the young generation at most, in MiB */
export function phasesOf(entries: number, encoding: Encoding, semiSpace: number): readonly Phase[] {
  return run([`--max-semi-space-size=${semiSpace}`], 'pauses', entries, encoding) as Phase[];
}

function run(flags: readonly string[], child: string, ...args: readonly unknown[]): unknown {
  const file = fileURLToPath(new URL(`${child}.ts`, import.meta.url));
  return JSON.parse(
    execFileSync(process.execPath, [...flags, file, ...args.map(String)], { encoding: 'utf8' }),
  );
}
