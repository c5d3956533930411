/** Facts that the build of the single binary records in it. */
export interface Build {
  /** The full git commit; ends in `-dirty` if files differed from it. */
  readonly commit: string;
  /** SHA-256 of each addon of uWebSockets.js in hexadecimal, by the name of its asset. */
  readonly addons: Readonly<Record<string, string>>;
}

declare const RATECACHE_BUILD: Build | undefined;

/** Undefined when the program runs from the sources. */
export const BUILD: Build | undefined = typeof RATECACHE_BUILD === 'undefined' ? undefined : RATECACHE_BUILD;
