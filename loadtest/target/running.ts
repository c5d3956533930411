/** A service that runs already, as the target of a load. */
import { callService } from '../../src/cli/call-service.ts';
import { property } from '../../src/service-answer.ts';
import type { GateName } from '../gates.ts';
import { type DataType, isWrite, type Part, type Profile, QUOTE_TYPES, type Traffic } from '../profile.ts';
import type { Headers } from '../support/head.ts';
import { addressesOf } from './private-address.ts';
import type { Target } from './target.ts';

export interface RunningOptions {
  readonly url: string;
  /** Header lines in addition to `Host` and the token. */
  readonly headers: Headers;
  readonly token: string | undefined;
  /** Whether profiles may change the data of the service. */
  readonly writes: boolean;
  /** Whether the address may be neither loopback nor private. */
  readonly remote: boolean;
}

/** The profile cannot run against this service, or not with these options. */
export class UnsuitableError extends Error {}

const REACH_TIMEOUT_MS = 5_000;
const LIST_TIMEOUT_MS = 30_000;
const PAGE = 1000;

/**
 * The target, at the first address of its name that answers `GET /livez`, whatever the status.
 * @throws if an address is not allowed, or with the reason if none answers
 */
export async function reachedTarget(options: Omit<RunningOptions, 'writes'>): Promise<Target> {
  const url = new URL(options.url);
  if (url.pathname !== '/' || url.search !== '' || url.username !== '' || url.password !== '')
    throw new Error(`${options.url} is not of the form http://HOST:PORT or https://HOST:PORT`);
  const addresses = await addressesOf(nameOf(url), options.remote);
  const address = await firstThatAnswers(url.origin, addresses, options);
  const version = await versionAt(url.origin, address, options);
  return { ...targetAt(address, url, options), ...(version !== undefined && { version }) };
}

/** The version in `GET /health`; undefined if the answer has none, for example because OPS_PORT serves it. */
async function versionAt(
  origin: string,
  address: string,
  how: Pick<RunningOptions, 'headers' | 'token'>,
): Promise<string | undefined> {
  try {
    const version = property((await ask(origin, address, '/health', how)).body, 'version');
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

function ask(
  origin: string,
  address: string,
  path: string,
  { headers, token }: Pick<RunningOptions, 'headers' | 'token'>,
): ReturnType<typeof callService> {
  const timeoutMs = REACH_TIMEOUT_MS;
  return callService(origin, { path, address, token, headers: Object.fromEntries(headers), timeoutMs });
}

/** @throws with the reason of each address */
export async function firstThatAnswers(
  origin: string,
  addresses: readonly string[],
  how: Pick<RunningOptions, 'headers' | 'token'>,
): Promise<string> {
  const reasons = new Set<string>();
  for (const address of addresses) {
    try {
      await ask(origin, address, '/livez', how);
      return address;
    } catch (error) {
      reasons.add((error as Error).message);
    }
  }
  throw new Error([...reasons].join('; '));
}

function targetAt(
  host: string,
  url: URL,
  { headers, token }: Pick<RunningOptions, 'headers' | 'token'>,
): Target {
  const isSecure = url.protocol === 'https:';
  return {
    host,
    port: Number(url.port || (isSecure ? 443 : 80)),
    ...(isSecure && { secureName: nameOf(url) }),
    headers: [
      ...(headers.some(([given]) => given.toLowerCase() === 'host') ? [] : [['Host', url.host] as const]),
      ...headers,
      ...(token === undefined ? [] : [['Authorization', `Bearer ${token}`] as const]),
    ],
    url: url.origin,
    stop: async () => {},
  };
}

function nameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** Gates that need the Redis or the process of the service, which are unknown. */
const OF_OWN_SERVICE: readonly GateName[] = ['redis reads', 'memory growth'];

/**
 * The profile for a running service: with the keys that the service has, without the gates that only a service of the
 * harness can have, and without writes unless they are allowed.
 * @param address of the service, as `reachedTarget` found it
 * @throws UnsuitableError if the profile cannot run against the service
 */
export async function adaptedTo(
  profile: Profile,
  { url, headers, token, writes }: RunningOptions,
  address: string | undefined,
): Promise<Profile> {
  if (profile.faults !== undefined || profile.traffic.kind === 'push')
    throw new UnsuitableError(
      `${profile.name} needs a service that the harness starts; run it without --url`,
    );
  const traffic = writes ? profile.traffic : readsOf(profile.name, profile.traffic);
  const gates = profile.gates.filter((gate) => !OF_OWN_SERVICE.includes(gate));
  const adapted = { ...profile, traffic, gates };
  if (profile.data.listed !== undefined) return adapted;
  const list: ListKeys = (query) =>
    callService(url, {
      ...{ path: `/v1/keys?${query}`, token, address },
      headers: Object.fromEntries(headers),
      timeoutMs: LIST_TIMEOUT_MS,
    });
  const { symbols: most } = profile.data;
  const types = typesOf(traffic);
  const ofSymbols = types.filter((type) => type !== 'broker_config');
  const brokers = types.length === ofSymbols.length ? undefined : await namesOf('broker_config', most, list);
  const names = ofSymbols.length === 0 ? brokers! : await symbolsWith(ofSymbols, most, list);
  if (names.length === 0 || brokers?.length === 0) {
    const missing =
      types.length === 1
        ? `keys of the type ${types[0]}`
        : `symbol with a key of each of these types: ${types.join(', ')}`;
    throw new UnsuitableError(
      `${url} has no ${missing}. So ${profile.name} has nothing to read. ` +
        'Use a profile file that lists its keys.',
    );
  }
  return { ...adapted, data: { ...profile.data, symbols: 0, names, ...(brokers && { brokers }) } };
}

/** The share of a mix that writes, 0 to 1. */
export function writeShare(traffic: Traffic): number {
  if (traffic.kind !== 'mix') return 0;
  const sum = (parts: readonly Part[]) => parts.reduce((total, { share }) => total + share, 0);
  return sum(traffic.parts.filter(isWrite)) / sum(traffic.parts);
}

function readsOf(name: string, traffic: Traffic): Traffic {
  if (traffic.kind !== 'mix') return traffic;
  const parts = traffic.parts.filter((part) => !isWrite(part));
  if (parts.length === 0) throw new UnsuitableError(`${name} only writes; use --writes to allow that`);
  return { ...traffic, parts };
}

/** The types of the keys of a profile that does not list its keys. */
function typesOf(traffic: Traffic): readonly DataType[] {
  if (traffic.kind !== 'mix') return ['borrow_rate'];
  const types = traffic.parts.flatMap(({ op, type = 'borrow_rate' }) =>
    op === 'quote' ? QUOTE_TYPES : [type],
  );
  return [...new Set(types)];
}

type ListKeys = (query: string) => ReturnType<typeof callService>;

/** Names with a key of each of these types, at most `most`. */
async function symbolsWith(
  [first, ...others]: readonly DataType[],
  most: number,
  list: ListKeys,
): Promise<readonly string[]> {
  let names = await namesOf(first!, most, list);
  for (const type of others) {
    const wanted = new Set(names);
    names = await namesOf(type, wanted.size, list, (name) => wanted.has(name));
  }
  return names;
}

/** The keys of this type without the type, at most `most`. */
async function namesOf(
  type: DataType,
  most: number,
  list: ListKeys,
  isWanted: (name: string) => boolean = () => true,
): Promise<readonly string[]> {
  const names = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null && names.size < most) {
    const page: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, text } = await list(`type=${type}&limit=${PAGE}${page}`);
    if (status !== 200) throw new Error(`GET /v1/keys answered ${status}, so the keys are unknown: ${text}`);
    const answer = JSON.parse(text) as { keys: { key: string }[]; cursor: string | null };
    for (const { key } of answer.keys) {
      const name = key.slice(type.length + 1);
      if (names.size < most && isWanted(name)) names.add(name);
    }
    cursor = answer.cursor;
  }
  return [...names].sort();
}
