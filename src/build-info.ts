/** What the build of the single binary leaves behind in it; undefined where this runs from the sources. */
export interface Build {
  /** Of git, in full; ends in `-dirty` where files differed from it. */
  readonly commit: string;
  /** Of the native part of uWebSockets.js, in hexadecimal. */
  readonly addonSha256: string;
}

declare const RATECACHE_BUILD: Build | undefined;

export const BUILD: Build | undefined = typeof RATECACHE_BUILD === 'undefined' ? undefined : RATECACHE_BUILD;
