/** Where Redis is and how to reach it: combines the variables of Redis, and finds their contradictions. */

import type { ReportFault } from './fault.ts';
import { Secret } from './kinds.ts';
import type { Values, VariableName } from './variables.ts';

export interface HostAndPort {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export type Topology =
  | ({ readonly kind: 'single' } & HostAndPort)
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly HostAndPort[];
      /** The name of the monitored master. */
      readonly name: string;
      /** User and password of the Sentinels. */
      readonly username: string | undefined;
      readonly password: Secret | undefined;
    }
  | {
      readonly kind: 'cluster';
      /** Some nodes, or a configuration endpoint. */
      readonly nodes: readonly HostAndPort[];
      /** What a node announces as `host:port`, and the address to use instead. */
      readonly natMap: Readonly<Record<string, HostAndPort>>;
    };

/** The files are read for every connection. */
export interface Tls {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Undefined to expect the host of each connection. */
  readonly servername: string | undefined;
}

/** @param values without a fault */
export function topologyOf(values: Values): Topology {
  const { REDIS_SENTINELS: sentinels, REDIS_CLUSTER_NODES: nodes } = values;
  if (sentinels !== undefined)
    return {
      kind: 'sentinel',
      sentinels: sentinels.split(',').map(hostAndPort),
      name: values.REDIS_SENTINEL_NAME!,
      username: values.REDIS_SENTINEL_USERNAME,
      password: values.REDIS_SENTINEL_PASSWORD,
    };
  if (nodes !== undefined)
    return { kind: 'cluster', nodes: nodes.split(',').map(hostAndPort), natMap: natMapOf(values) };
  return { kind: 'single', host: values.REDIS_HOST!, port: values.REDIS_PORT! };
}

export function redisTlsOf(values: Values): Tls | undefined {
  if (!values.REDIS_TLS) return undefined;
  return {
    caFile: values.REDIS_TLS_CA_FILE,
    certFile: values.REDIS_TLS_CERT_FILE,
    keyFile: values.REDIS_TLS_KEY_FILE,
    servername: values.REDIS_TLS_SERVERNAME,
  };
}

/** The configured address of Redis in words, for messages. */
export function nameOf(topology: Topology): string {
  switch (topology.kind) {
    case 'single':
      return addressOf(topology);
    case 'sentinel':
      return `${topology.name} of the Sentinels ${topology.sentinels.map(addressOf).join(', ')}`;
    case 'cluster':
      return `the Cluster ${topology.nodes.map(addressOf).join(', ')}`;
  }
}

/** Variables that have no meaning without another one. */
const NEEDS: readonly [names: readonly VariableName[], needed: VariableName][] = [
  [['REDIS_SENTINEL_NAME', 'REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'], 'REDIS_SENTINELS'],
  [['REDIS_CLUSTER_NAT_MAP'], 'REDIS_CLUSTER_NODES'],
  [['REDIS_TLS_CA_FILE', 'REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE', 'REDIS_TLS_SERVERNAME'], 'REDIS_TLS'],
];

/** Reports each contradiction once. A value that is present and faulty is already reported. */
export function checkRedis(values: Partial<Values>, fault: ReportFault): void {
  const set = (name: VariableName) => ![undefined, false, ''].includes(plain(values[name]) as never);
  const named = (['REDIS_HOST', 'REDIS_PORT', 'REDIS_SENTINELS', 'REDIS_CLUSTER_NODES'] as const).filter(set);
  const last = named.at(-1);
  if (last !== undefined && named.length > 1 && last !== 'REDIS_PORT')
    fault(last, `no value with ${named[0]}: use one server, Sentinels or a Cluster`);

  for (const [names, needed] of NEEDS) {
    const idle = names.find(set);
    // A needed value that is present and faulty is not in `values`.
    if (idle !== undefined && needed in values && !set(needed))
      fault(idle, `no value without ${needed}, because it would have no effect`);
  }
  if (set('REDIS_SENTINELS') && 'REDIS_SENTINEL_NAME' in values && !set('REDIS_SENTINEL_NAME'))
    fault('REDIS_SENTINEL_NAME', 'a value with REDIS_SENTINELS');
  if (set('REDIS_CLUSTER_NODES') && (values.REDIS_DB ?? 0) !== 0)
    fault('REDIS_DB', '0 with REDIS_CLUSTER_NODES, because a Cluster has no other database');
  if (set('REDIS_PASSWORD_FILE') && set('REDIS_PASSWORD'))
    fault('REDIS_PASSWORD_FILE', 'no value with REDIS_PASSWORD: the password has one source');
  checkConnections(values, fault);
  if (values.REDIS_TLS) {
    const [cert, key] = ['REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'] as const;
    for (const [one, other] of [
      [cert, key],
      [key, cert],
    ] as const)
      if (set(one) && other in values && !set(other)) fault(other, `a value with ${one}`);
  }
}

/** The link needs its own connection, and so do changes that wait for replicas. */
function checkConnections(values: Partial<Values>, fault: ReportFault): void {
  const { REDIS_MAX_CONNECTIONS: most, ENABLE_PUBSUB: link, REDIS_MIN_REPLICAS_ACK: replicas } = values;
  const users = [link && 'ENABLE_PUBSUB', replicas && 'REDIS_MIN_REPLICAS_ACK'].filter(Boolean);
  if (most !== undefined && most <= users.length)
    fault('REDIS_MAX_CONNECTIONS', `at least ${users.length + 1} with ${users.join(' and ')}`);
}

/** A secret as the text that stands for it; '' if it is empty. */
function plain(value: unknown): unknown {
  return value instanceof Secret ? value.toString() : value;
}

function natMapOf({ REDIS_CLUSTER_NAT_MAP: text }: Values): Record<string, HostAndPort> {
  const pairs = (text?.split(',') ?? []).map((pair) => pair.split('=') as [string, string]);
  return Object.fromEntries(
    pairs.map(([announced, used]) => [addressOf(hostAndPort(announced)), hostAndPort(used)]),
  );
}

function hostAndPort(text: string): HostAndPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

/** In the notation in which Redis announces addresses: IPv6 has no brackets. */
function addressOf({ host, port }: HostAndPort): string {
  return `${host}:${port}`;
}
