/** `If-Match`, `If-None-Match` and `If-Unmodified-Since` of `PUT` and `DELETE` (RFC 9110, section 13.1). */
import type { Condition } from '../cache/condition.ts';
import type { Version } from '../cache/version.ts';
import { ServiceError } from '../errors.ts';
import type { HttpRequest } from '../uws.ts';
import { versionOfTag } from './etag.ts';
import { httpDateOf } from './origin.ts';

/**
 * The condition that the headers set; undefined if no header is present. A malformed header is an error: to
 * ignore it would overwrite a value that the client meant to protect. This uses `forEach`, because `getHeader`
 * returns the same for an absent and an empty header, and only one line of a repeated header.
 * @param asOf the time that `?asOf=` names, in ms since 1970
 * @throws ServiceError `bad_request` if a header is malformed, or if several are present
 */
export function conditionOf(req: HttpRequest, asOf?: number): Condition | undefined {
  let ifMatch: string | undefined;
  let ifNoneMatch: string | undefined;
  let unmodifiedSince: string | undefined;
  req.forEach((name, value) => {
    if (name === 'if-match') ifMatch = joined(ifMatch, value);
    else if (name === 'if-none-match') ifNoneMatch = joined(ifNoneMatch, value);
    else if (name === 'if-unmodified-since') unmodifiedSince = joined(unmodifiedSince, value);
  });
  if ([ifMatch, ifNoneMatch, unmodifiedSince].filter((header) => header !== undefined).length > 1)
    throw new ServiceError(
      'bad_request',
      'send only one of If-Match, If-None-Match and If-Unmodified-Since',
      ifMatch === undefined ? 'If-None-Match' : 'If-Match',
    );
  if (ifMatch !== undefined) {
    const versions = versionsIn('If-Match', ifMatch);
    return versions === 'any' ? { is: 'if-exists' } : { is: 'if-version', versions };
  }
  if (ifNoneMatch !== undefined) {
    const versions = versionsIn('If-None-Match', ifNoneMatch);
    return versions === 'any' ? { is: 'if-absent' } : { is: 'unless-version', versions };
  }
  return unmodifiedSince === undefined ? undefined : unlessNewer(unmodifiedSince, asOf);
}

/** HTTP dates have seconds. So they cover the whole second, unless the request names a time within it. */
function unlessNewer(date: string, asOf: number | undefined): Condition {
  const second = httpDateOf(date);
  if (second === undefined)
    throw new ServiceError(
      'bad_request',
      'send If-Unmodified-Since as an HTTP date such as Wed, 27 Sep 2017 12:20:00 GMT',
      'If-Unmodified-Since',
    );
  const last = second + 999;
  return { is: 'unless-newer', asOf: asOf !== undefined && asOf >= second && asOf < last ? asOf : last };
}

/** Repeated header lines form one list. */
function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

/** One element of the list: an entity tag, a version without its quotes, or nothing; then a comma or the end. */
const ELEMENT = /[ \t]*(?:(?:(W\/)?"([^"]*)"|([0-9a-f]{24}))[ \t]*)?(?:,|$)/y;

/**
 * The versions in a list, or `any` for `*`. A weak tag, or a tag that is not a version of this service, is valid but
 * matches nothing: conditional writes use the strong comparison. The tags of all forms of a value name its version.
 */
function versionsIn(header: string, list: string): Version[] | 'any' {
  if (list.trim() === '*') return 'any';
  const versions: Version[] = [];
  let tags = 0;
  for (let at = 0; at < list.length; at = ELEMENT.lastIndex) {
    ELEMENT.lastIndex = at;
    const found = ELEMENT.exec(list);
    if (found === null) throw malformed(header);
    const [, weak, tag, bare] = found;
    const named = tag ?? bare;
    if (named === undefined) continue;
    tags++;
    const version = weak === undefined ? versionOfTag(named) : undefined;
    if (version !== undefined) versions.push(version);
  }
  if (tags === 0) throw malformed(header);
  return versions;
}

function malformed(header: string): ServiceError {
  return new ServiceError(
    'bad_request',
    `${header} must be * or a list of ETags in double quotes, for example "01a20c60214c0000355a7e2f"`,
    header,
  );
}
