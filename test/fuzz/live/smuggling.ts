import { smuggling as input } from '../grammar/http.ts';
import { delivered } from '../grammar/segments.ts';
import { Fault, type LiveKind, type Source } from '../kind.ts';
import { strictRequests } from '../strict-http.ts';
import { checkAnswers } from './answers.ts';
import { deliver } from './deliver.ts';
import { shownDelivery } from './http.ts';
import { inLanes } from './lanes.ts';
import { PREFIX } from './target.ts';

/**
 * Raw HTTP with a request hidden in a body, a chunk or a trailer, which would delete a key of the input's own. The key may
 * be gone only if a strict parser sees that request.
 */
export const smuggling: LiveKind = {
  name: 'smuggling',
  decodes: false,
  show: (source) => shownDelivery(deliveryOf(source)),
  async send(target, batch) {
    const { service, redis } = target;
    const names = batch.map(({ index }) => PREFIX + canaryOf(index));
    await redis.mset(names.flatMap((name) => [name, '1']));
    /** Whether a strict parser sees a request that may delete the key of this input. */
    const visible = new Map<number, boolean>();
    await inLanes(batch, () => ({
      send: async (source) => {
        const delivery = deliveryOf(source);
        const seen = strictRequests(Buffer.concat(delivery.segments));
        visible.set(
          source.index,
          seen.some((each) => each.method === 'DELETE' && /canary|%/.test(each.target)),
        );
        checkAnswers(await deliver(service.port, delivery));
      },
      close: () => {},
    }));
    // A request may still be open when its connection has ended.
    await target.well();
    const left = await redis.mget(names);
    await redis.del(names);
    const lost = batch.find(({ index }, i) => left[i] === null && visible.get(index) === false);
    if (lost !== undefined)
      throw new Fault(lost.index, 'the service executed a request that a strict parser does not see');
  },
};

function deliveryOf(source: Source) {
  const hidden = `DELETE /v1/cache/${canaryOf(source.index)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  return delivered(input(source, hidden), source.random);
}

function canaryOf(index: number): string {
  return `canary:${index}`;
}
