import type { Codec } from './codec.ts';
import { jsonCodec, snapshotMembers } from './json-codec.ts';

/**
 * The events of `GET /v1/events`, as text/event-stream. Their data are the events of `ratecache.v1.json`, and a
 * snapshot has the members of an answer to `subscribe`. Answers to requests have the form of `ratecache.v1.json`, but
 * no event stream sends an answer.
 */
export const eventCodec: Codec = {
  ...jsonCodec,
  name: 'events',
  snapshot: (_id, part) => event('snapshot', `{"event":"snapshot",${snapshotMembers(part)}}`),
  update: (...state) => event('update', jsonCodec.update(...state)),
  invalidate: (...notice) => event('invalidate', jsonCodec.invalidate(...notice)),
  invalidateMatch: (...notice) => event('invalidate', jsonCodec.invalidateMatch(...notice)),
  reset: (reason) => event('reset', jsonCodec.reset(reason)),
  heartbeat: (beat) => `id: ${beat.epoch}:${beat.offset}\n${event('heartbeat', jsonCodec.heartbeat(beat))}`,
};

const LINE_END = /\r\n|\r|\n/g;

/** Values are sent as their writer sent them, perhaps on several lines. JSON allows any line end between its parts. */
export function event(name: string, data: string | Uint8Array): string {
  return `event: ${name}\ndata: ${String(data).replace(LINE_END, '\ndata: ')}\n\n`;
}
