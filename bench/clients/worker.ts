/** The process of one way to read. */
import type { Work } from '../compare/contender.ts';
import { answerParent } from '../support/child.ts';
import { joinedKeyStream } from '../support/zipf.ts';
import { KEYS } from './rates.ts';
import { type Ports, WAYS } from './ways.ts';
import { type Way, work } from './work.ts';

/** Opens the way, after it has been closed if it was open; or reads. */
export type Job = { readonly open: Ports } | Work;

const open = WAYS[process.argv[2]!]!;
const keyOf = joinedKeyStream(KEYS);
let way: Way | undefined;

answerParent(async (job: Job) => {
  if (!('open' in job)) return work(way!, keyOf, job);
  await way?.close();
  way = await open(job.open, KEYS);
});
