import { histogram } from '../support/recorder.ts';
import type { RequestAt } from '../traffic/requests.ts';
import type { OpenLane } from './lane.ts';
import { Peak } from './peak.ts';

const WINDOWS = 8;

/**
 * The ceiling of the generator, in requests a second: against the constant server, each lane sends its next request
 * as soon as it has an answer.
 */
export async function flood(
  open: OpenLane,
  request: RequestAt,
  connections: number,
  forMs: number,
): Promise<number> {
  const peak = new Peak(forMs / WINDOWS);
  // Not read. A paced run records each answer too, so the cost of recording is part of the ceiling.
  const all = histogram();
  let n = 0;
  const lanes = Array.from({ length: connections }, () => {
    const lane = open();
    let sentAt = 0;
    const next = () => {
      sentAt = performance.now();
      lane.send(request(n++));
    };
    lane.onReady = next;
    lane.onAnswer = ({ last }) => {
      const now = performance.now();
      all.recordValue(Math.max(1, Math.round((now - sentAt) * 1000)));
      peak.add(now);
      if (!last) next();
    };
    return lane;
  });
  await new Promise((resolve) => setTimeout(resolve, forMs));
  for (const lane of lanes) lane.close();
  return peak.perSecond;
}
