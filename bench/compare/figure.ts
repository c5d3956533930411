/**
 * - `perSecond`: answers a second;
 * - `cpuUs`: CPU time of the contender's processes for an answer;
 * - `core`: the share of its core that the contender used;
 * - `bytes`: length of an answer, with its head;
 * - `p50Us`, `p99Us`: latency;
 * - `instructions`: for an answer, without the kernel's;
 * - `startMs`, `megabytes`: from start to the first answer, and resident memory then.
 */
export type Figure =
  | 'perSecond'
  | 'cpuUs'
  | 'core'
  | 'bytes'
  | 'p50Us'
  | 'p99Us'
  | 'instructions'
  | 'startMs'
  | 'megabytes';
