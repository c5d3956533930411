/** The variables of the connections to Redis. `redis-topology.ts` checks and combines them. */
import { boolean, integer, secret, text, UNLESS_STANDALONE } from './kinds.ts';
import {
  FILE_PATH,
  HOST_AND_PORT_PAIRS,
  HOST_AND_PORTS,
  HOST_EXPECTED,
  HOST_NAME,
  PRINTABLE,
} from './patterns.ts';

const TOPOLOGIES = ['REDIS_SENTINELS', 'REDIS_CLUSTER_NODES'] as const;
const HOSTS_EXPECTED = 'addresses as host:port, separated by commas, an IPv6 address in brackets';

/** The path of a file that is read again for every connection. */
const file = (doc: string) =>
  text({
    group: 'redis',
    pattern: FILE_PATH,
    expected: 'the path of a file, without control characters and without / at its end',
    doc,
  });

export const REDIS_VARIABLES = {
  REDIS_HOST: text({
    group: 'redis',
    required: UNLESS_STANDALONE,
    replacedBy: TOPOLOGIES,
    pattern: HOST_NAME,
    expected: `${HOST_EXPECTED} (or start with --standalone to run without Redis)`,
    doc: 'Host of the Redis server.',
  }),
  REDIS_PORT: integer({
    group: 'redis',
    required: UNLESS_STANDALONE,
    replacedBy: TOPOLOGIES,
    within: [1, 65_535],
    doc: 'Port of the Redis server, usually 6379.',
  }),
  REDIS_SENTINELS: text({
    group: 'redis',
    pattern: HOST_AND_PORTS,
    expected: HOSTS_EXPECTED,
    doc: 'Sentinels that name the master, such as s1:26379,s2:26379; instead of REDIS_HOST and REDIS_PORT.',
  }),
  REDIS_SENTINEL_NAME: text({
    group: 'redis',
    pattern: PRINTABLE,
    expected: 'the name of the master in the configuration of Sentinel, such as mymaster',
    doc: 'Name under which the Sentinels monitor the master; required with REDIS_SENTINELS.',
  }),
  REDIS_SENTINEL_USERNAME: text({
    group: 'redis',
    pattern: PRINTABLE,
    expected: 'a user name without control characters',
    doc: 'ACL user of the Sentinels; unset uses their default user.',
  }),
  REDIS_SENTINEL_PASSWORD: secret({
    group: 'redis',
    expected: 'a password without line breaks',
    doc: 'Password of the Sentinels; unset for Sentinels without a password.',
  }),
  REDIS_CLUSTER_NODES: text({
    group: 'redis',
    pattern: HOST_AND_PORTS,
    expected: HOSTS_EXPECTED,
    doc: 'Nodes of a Redis Cluster, or its configuration endpoint; instead of REDIS_HOST and REDIS_PORT. The other nodes are found automatically.',
  }),
  REDIS_CLUSTER_NAT_MAP: text({
    group: 'redis',
    pattern: HOST_AND_PORT_PAIRS,
    expected: 'pairs of addresses as 10.0.0.1:6379=outside:7001, separated by commas',
    doc: 'Addresses that the nodes of a Cluster announce, each with the address to use instead.',
  }),
  REDIS_USERNAME: text({
    group: 'redis',
    pattern: PRINTABLE,
    expected: 'a user name without control characters',
    doc: 'Redis ACL user; unset uses the default user.',
  }),
  REDIS_PASSWORD: secret({
    group: 'redis',
    required: UNLESS_STANDALONE,
    replacedBy: ['REDIS_PASSWORD_FILE'],
    expected: 'a password without line breaks, or the empty string for a server without a password',
    doc: 'Redis password; set it to the empty string for a server without a password.',
  }),
  REDIS_PASSWORD_FILE: file(
    'File with the Redis password or an IAM token; read again for every connection and every minute. Instead of REDIS_PASSWORD.',
  ),
  REDIS_TLS: boolean({
    group: 'redis',
    default: false,
    doc: 'Connect with TLS to Redis and to its Sentinels, and verify their certificates.',
  }),
  REDIS_TLS_CA_FILE: file(
    'Certificates of the authorities that sign those of Redis, as PEM; unset uses the authorities that Node trusts.',
  ),
  REDIS_TLS_CERT_FILE: file('Certificate of this client, as PEM; with REDIS_TLS_KEY_FILE.'),
  REDIS_TLS_KEY_FILE: file('Private key of this client, as PEM; with REDIS_TLS_CERT_FILE.'),
  REDIS_TLS_SERVERNAME: text({
    group: 'redis',
    pattern: HOST_NAME,
    expected: 'a host name, without scheme or port',
    doc: 'Name that the certificate of Redis must have, also sent as SNI; unset uses the host of each connection.',
  }),
  REDIS_DB: integer({
    group: 'redis',
    default: 0,
    within: [0, 2_147_483_647],
    doc: 'Redis database number; a Cluster has only database 0.',
  }),
  REDIS_MAX_CONNECTIONS: integer({
    group: 'redis',
    default: 100,
    unit: 'connections',
    within: [1, 10_000],
    doc: 'Maximum number of connections to Redis, in a Cluster to each node; at least 2 with ENABLE_PUBSUB, and one more with REDIS_MIN_REPLICAS_ACK. The next connection is for scans, and another for values over 64 KiB, so that other reads do not wait for them.',
  }),
  REDIS_COMMAND_TIMEOUT_MS: integer({
    group: 'redis',
    default: 40,
    unit: 'ms',
    within: [1, 60_000],
    doc: 'How long to wait for the answer to a command.',
  }),
  REDIS_CONNECT_TIMEOUT_MS: integer({
    group: 'redis',
    default: 2000,
    unit: 'ms',
    within: [1, 60_000],
    doc: 'How long to wait for a connection.',
  }),
  REDIS_MIN_REPLICAS_ACK: integer({
    group: 'redis',
    default: 0,
    unit: 'replicas',
    within: [0, 100],
    note: '0 does not wait for replicas',
    doc: 'How many replicas must have acknowledged a write before the service confirms it; otherwise it becomes a pending write.',
  }),
};
