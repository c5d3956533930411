import { type Invocation, self } from '../../src/cli/self.ts';

/**
 * How tests start ratecache: the executable that RATECACHE_BINARY names, or from the sources, after the module that
 * RATECACHE_IMPORT names.
 */
export function program(...args: readonly string[]): Invocation {
  const { RATECACHE_BINARY, RATECACHE_IMPORT } = process.env;
  if (RATECACHE_BINARY) return { command: RATECACHE_BINARY, args: [...args] };
  const invocation = self(...args);
  if (!RATECACHE_IMPORT) return invocation;
  return { ...invocation, args: ['--import', RATECACHE_IMPORT, ...invocation.args] };
}
