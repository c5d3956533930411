import { histogram } from '../support/recorder.ts';
import type { RequestAt } from '../traffic/requests.ts';
import type { OpenLane } from './lane.ts';
import { Peak } from './peak.ts';

const WINDOWS = 8;

/**
 * How many requests a second the lanes can send when each sends the next as soon as it has an answer: the
 * generator's ceiling, against a server that does nothing.
 */
export async function flood(
  open: OpenLane,
  request: RequestAt,
  connections: number,
  forMs: number,
): Promise<number> {
  const peak = new Peak(forMs / WINDOWS);
  // Unused, but a paced run has it too, and it is a part of what an answer costs.
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
    lane.onAnswer = () => {
      const now = performance.now();
      all.recordValue(Math.max(1, Math.round((now - sentAt) * 1000)));
      peak.add(now);
      next();
    };
    return lane;
  });
  await new Promise((resolve) => setTimeout(resolve, forMs));
  for (const lane of lanes) lane.close();
  return peak.perSecond;
}
