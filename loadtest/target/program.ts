import { type Invocation, self } from '../../src/cli/self.ts';

/** How tests start ratecache: the executable that RATECACHE_BINARY names, or from the sources. */
export function program(...args: readonly string[]): Invocation {
  const { RATECACHE_BINARY } = process.env;
  return RATECACHE_BINARY ? { command: RATECACHE_BINARY, args: [...args] } : self(...args);
}
