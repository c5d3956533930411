/** Facts that the build of the single binary records in it. */
export interface Build {
  /** The full git commit; ends in `-dirty` if files differed from it. */
  readonly commit: string;
  /** SHA-256 of the native part of uWebSockets.js, in hexadecimal. */
  readonly addonSha256: string;
}

declare const RATECACHE_BUILD: Build | undefined;

/** Undefined when the program runs from the sources. */
export const BUILD: Build | undefined = typeof RATECACHE_BUILD === 'undefined' ? undefined : RATECACHE_BUILD;
