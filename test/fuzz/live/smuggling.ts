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
 * The addon hides every header line after one without a name, so the service does not see a length behind it. Such a line
 * is harmless only where the connection closes after the answer.
 */
const REQUEST_LINE = '(?:GET|HEAD|DELETE) [^\\r\\n]* HTTP/1\\.1';
const LENGTH_LINE = 'content-length:[ \\t]*0*[1-9]\\d*[ \\t]*';
const HIDING = new RegExp(`(?:^|\\n)(?:${REQUEST_LINE}|${LENGTH_LINE})\\r\\n(?:[^\\r\\n]+\\r\\n)*?:`, 'i');

/** A hit in L1 pays for no look at all header lines, and the addon shows an empty line as an absent one. */
const EMPTY_LENGTH =
  /GET \/v1\/cache\/borrow_rate[^\r\n]* HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)*?content-length:[ \t]*\r\n/i;

/** Whether the bytes may contain an input that docs/security.md names as not detected. Some of them are refused. */
function undetected(segments: readonly Buffer[]): boolean {
  const text = Buffer.concat(segments).toString('latin1');
  return HIDING.test(text) || EMPTY_LENGTH.test(text);
}

/**
 * Raw HTTP with a request hidden in a body, a chunk or a trailer, which would delete a key of the input's own. The key may
 * be gone only if a strict parser sees that request, or if the input is one that the service cannot detect.
 */
export const smuggling: LiveKind = {
  name: 'smuggling',
  decodes: false,
  show: (source) => shownDelivery(deliveryOf(source)),
  async send(target, batch) {
    const { service, redis } = target;
    const names = batch.map(({ index }) => PREFIX + canaryOf(index));
    await redis.mset(names.flatMap((name) => [name, '1']));
    /** Whether the request that deletes the key of this input may take effect. */
    const mayDelete = new Map<number, boolean>();
    await inLanes(batch, () => ({
      send: async (source) => {
        const delivery = deliveryOf(source);
        const seen = strictRequests(Buffer.concat(delivery.segments));
        mayDelete.set(
          source.index,
          undetected(delivery.segments) ||
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
    const lost = batch.find(({ index }, i) => left[i] === null && mayDelete.get(index) === false);
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
