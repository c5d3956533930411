/** A service that runs already, as the target of a load. */
import { once } from 'node:events';
import { callService } from '../../src/cli/call-service.ts';
import { type Data, isWrite, type Part, type Profile, type Traffic } from '../profile.ts';
import { dial, readyEvent } from '../support/dial.ts';
import type { Headers } from '../support/head.ts';
import { addressFor } from './private-address.ts';
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

const CONNECT_TIMEOUT_MS = 5_000;
const LIST_TIMEOUT_MS = 30_000;
const PAGE = 1000;

/** @throws if the address is not allowed */
export async function runningTarget({
  url: text,
  headers,
  token,
  remote,
}: Omit<RunningOptions, 'writes'>): Promise<Target> {
  const url = new URL(text);
  if (url.pathname !== '/' || url.search !== '' || url.username !== '' || url.password !== '')
    throw new Error(`${text} is not of the form http://HOST:PORT or https://HOST:PORT`);
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const isSecure = url.protocol === 'https:';
  return {
    host: await addressFor(name, remote),
    port: Number(url.port || (isSecure ? 443 : 80)),
    ...(isSecure && { secureName: name }),
    headers: [
      ...(headers.some(([given]) => given.toLowerCase() === 'host') ? [] : [['Host', url.host] as const]),
      ...headers,
      ...(token === undefined ? [] : [['Authorization', `Bearer ${token}`] as const]),
    ],
    url: url.origin,
    stop: async () => {},
  };
}

/**
 * The target, after one connection to it. Without that, the generator reports only how many of its connections opened.
 * @throws if the address is not allowed, or if the service accepts no connection
 */
export async function reachedTarget(options: Omit<RunningOptions, 'writes'>): Promise<Target> {
  const target = await runningTarget(options);
  const socket = dial(target);
  try {
    await once(socket, readyEvent(target), { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
  } catch (error) {
    throw new Error(`cannot connect to ${target.url}: ${(error as Error).message}`);
  } finally {
    socket.destroy();
  }
  return target;
}

/**
 * The profile for a running service: with the keys that the service has, and without writes unless they are allowed.
 * @param address of the service, as `runningTarget` found it
 */
export async function adaptedTo(
  profile: Profile,
  { url, headers, token, writes }: RunningOptions,
  address: string | undefined,
): Promise<Profile> {
  if (profile.faults !== undefined || profile.traffic.kind === 'push')
    throw new Error(`${profile.name} needs a service that the harness starts; run it without --url`);
  const traffic = writes ? profile.traffic : readsOf(profile.name, profile.traffic);
  if (profile.data.listed !== undefined) return { ...profile, traffic };
  const type = mainType(traffic);
  const names = await namesOf(type, profile.data, (path) =>
    callService(url, {
      ...{ path, token, address },
      headers: Object.fromEntries(headers),
      timeoutMs: LIST_TIMEOUT_MS,
    }),
  );
  if (names.length === 0)
    throw new Error(
      `${url} has no keys of the type ${type}, so ${profile.name} has nothing to read. ` +
        'Use a profile file that lists its keys.',
    );
  return { ...profile, traffic, data: { ...profile.data, symbols: 0, names } };
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
  if (parts.length === 0) throw new Error(`${name} only writes; use --writes to allow that`);
  return { ...traffic, parts };
}

function mainType(traffic: Traffic): string {
  const [part] = traffic.kind === 'mix' ? traffic.parts : [];
  return part?.op === 'quote' ? 'borrow_rate' : (part?.type ?? 'borrow_rate');
}

/** The keys of this type without the type, as many as the profile has symbols. */
async function namesOf(
  type: string,
  { symbols }: Data,
  get: (path: string) => ReturnType<typeof callService>,
): Promise<string[]> {
  const names = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null && names.size < symbols) {
    const page: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, text } = await get(`/v1/keys?type=${type}&limit=${PAGE}${page}`);
    if (status !== 200) throw new Error(`GET /v1/keys answered ${status}, so the keys are unknown: ${text}`);
    const answer = JSON.parse(text) as { keys: { key: string }[]; cursor: string | null };
    for (const { key } of answer.keys) if (names.size < symbols) names.add(key.slice(type.length + 1));
    cursor = answer.cursor;
  }
  return [...names].sort();
}
