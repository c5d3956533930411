/** GET of a key in L1, over HTTP: the hot path, next to bare uWS and to other caches. */
import { bareUws } from '../../peers/bare-uws.ts';
import { fastify } from '../../peers/fastify.ts';
import { nginxLua } from '../../peers/nginx-lua.ts';
import { ratecache, ratecache1k, ratecacheTracing } from '../../peers/ratecache.ts';
import { varnish } from '../../peers/varnish.ts';
import { webdis } from '../../peers/webdis.ts';
import { MEDIUM, type Shape, SMALL } from '../../support/data.ts';
import type { Contender } from '../contender.ts';
import { answeredFrom } from '../loads/answered-from.ts';
import { wrk } from '../loads/wrk.ts';
import { reads } from '../requests.ts';
import { by, cpuAtMost, type Row, rateAtLeast, type Target } from '../row.ts';

const PEERS = [nginxLua, varnish, webdis, fastify];

/** Where answers exceed what uWS collects in its buffer, bare uWS sends them in pieces: there ratecache is far cheaper. */
const rows: readonly Row[] = [
  row('get', 'unpipelined', 1, SMALL, PEERS, [
    cpuAtMost(1.08, bareUws.name),
    cpuAtMost(0.8, nginxLua.name),
    cpuAtMost(0.4, varnish.name),
    cpuAtMost(0.4, webdis.name),
    rateAtLeast(4, fastify.name),
  ]),
  row('get-16', '16 deep', 16, SMALL, PEERS, againstBare(0.9, 1.1)),
  row('get-64', '64 deep', 64, SMALL, [], againstBare(4, 0.25)),
  row('get-1k', '1 KB, unpipelined', 1, MEDIUM),
  row('get-1k-16', '1 KB, 16 deep', 16, MEDIUM, [], againstBare(4, 0.25)),
  row('get-1k-64', '1 KB, 64 deep', 64, MEDIUM, [], againstBare(5, 0.2)),
];

export const [get, get16] = rows as [Row, Row];

/** Traces must cost less than 3 % of the CPU time of a request, kernel included, as clients without pipelining send it. */
const traced: Row = {
  name: 'get-traced',
  title: 'GET, L1 hit, unpipelined, with traces of 1 %',
  about: `${SMALL.count} keys, values of ${SMALL.bytes} B. The spans are sent to a collector on the same machine.`,
  contestants: [ratecacheTracing, ratecache].map((each) =>
    by(each, answeredFrom('l1', wrk({ requests: reads(SMALL), depth: 1, values: SMALL }))),
  ),
  reference: ratecache.name,
  figures: ['perSecond', 'cpuUs', 'core', 'bytes'],
  targets: [cpuAtMost(1.03, ratecache.name)],
};

export const l1Hits: readonly Row[] = [...rows, traced];

function row(
  name: string,
  how: string,
  depth: number,
  shape: Shape,
  peers: readonly Contender[] = [],
  targets: readonly Target[] = [],
): Row {
  const load = answeredFrom('l1', wrk({ requests: reads(shape), depth, values: shape }));
  const ours = shape === SMALL ? ratecache : ratecache1k;
  return {
    name,
    title: `GET, L1 hit, ${how}`,
    about: `${shape.count} keys, values of ${shape.bytes} B.`,
    contestants: [ours, bareUws, ...peers].map((contender) => by(contender, load)),
    reference: bareUws.name,
    figures: ['perSecond', 'cpuUs', 'core', 'bytes'],
    targets,
  };
}

function againstBare(rate: number, cpu: number): Target[] {
  return [rateAtLeast(rate, bareUws.name), cpuAtMost(cpu, bareUws.name)];
}
