import { connectionBytes } from '../grammar/http.ts';
import { delivered } from '../grammar/segments.ts';
import { type LiveKind, type Source, shown } from '../kind.ts';
import { checkAnswers } from './answers.ts';
import { deliver } from './deliver.ts';
import { inLanes } from './lanes.ts';

/** Raw bytes of HTTP connections. */
export const http: LiveKind = {
  name: 'http',
  decodes: false,
  show: (source) => shownDelivery(deliveryOf(source)),
  send: ({ service }, batch) =>
    inLanes(batch, () => ({
      send: async (source) => checkAnswers(await deliver(service.port, deliveryOf(source))),
      close: () => {},
    })),
};

function deliveryOf(source: Source) {
  return delivered(connectionBytes(source), source.random);
}

export function shownDelivery({ segments, ending }: ReturnType<typeof delivered>): string {
  return [...segments.map(shown), `(${ending})`].join('\n');
}
