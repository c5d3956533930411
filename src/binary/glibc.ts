import { readFileSync } from 'node:fs';

/**
 * Whether the C library of this process is a glibc without this version, so that the loader refuses libraries that need
 * it. A glibc contains the name of each version that it defines. False where the C library is unknown.
 */
export function lacksGlibc(version: string): boolean {
  try {
    const path = / (\/\S*\/libc\.so\.6)$/m.exec(readFileSync('/proc/self/maps', 'latin1'))?.[1];
    return path !== undefined && !readFileSync(path).includes(`GLIBC_${version}\0`);
  } catch {
    return false;
  }
}
