import { type Invocation, self } from '../../src/cli/self.ts';

/**
 * How tests start ratecache: from the sources, after the module that RATECACHE_IMPORT names, or else the executable that
 * RATECACHE_BINARY names, or else from the sources.
 */
export function program(...args: readonly string[]): Invocation {
  const { RATECACHE_BINARY, RATECACHE_IMPORT } = process.env;
  const invocation = self(...args);
  if (RATECACHE_IMPORT) return { ...invocation, args: ['--import', RATECACHE_IMPORT, ...invocation.args] };
  if (RATECACHE_BINARY) return { command: RATECACHE_BINARY, args: [...args] };
  return invocation;
}
