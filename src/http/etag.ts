/**
 * The entity tags of a value. Each form of the answer has its own tag, because its bytes differ. JSON has the version
 * alone, msgpack has `.m` after it, and an answer that is compressed with gzip has a `g`.
 */
import type { Encoding } from '../cache/entry.ts';
import { isVersion, type Version } from '../cache/version.ts';

export interface Form {
  readonly encoding: Encoding;
  readonly gzipped: boolean;
}

const SUFFIX = /\.(?:m|g|mg)$/;

/** The tag of one form of a value, in quotes. */
export function etagOf(version: Version, encoding: Encoding, gzipped = false): string {
  const suffix = `${encoding === 'json' ? '' : 'm'}${gzipped ? 'g' : ''}`;
  return suffix === '' ? `"${version}"` : `"${version}.${suffix}"`;
}

/** The version that a tag without its quotes names, in any form; undefined if it is not a tag of this service. */
export function versionOfTag(tag: string): Version | undefined {
  const version = tag.replace(SUFFIX, '');
  return isVersion(version) ? version : undefined;
}

/**
 * The first of these forms whose tag an `If-None-Match` header contains; undefined if it contains no tag of a form. RFC
 * 9110 requires the weak comparison for reads.
 * @param forms all that the client accepts, the preferred one first
 */
export function matchingForm(
  ifNoneMatch: string,
  version: Version,
  forms: readonly Form[],
): Form | undefined {
  if (ifNoneMatch.trim() === '*') return forms[0];
  return forms.find(({ encoding, gzipped }) => ifNoneMatch.includes(etagOf(version, encoding, gzipped)));
}
