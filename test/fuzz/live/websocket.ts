import { frameBytes, upgradeBytes } from '../grammar/frames.ts';
import { delivered } from '../grammar/segments.ts';
import { type LiveKind, type Source, shown } from '../kind.ts';
import { checkAnswers } from './answers.ts';
import { deliver } from './deliver.ts';
import { shownDelivery } from './http.ts';
import { inLanes } from './lanes.ts';

/** Raw bytes of WebSocket connections: the upgrade, then frames. */
export const websocket: LiveKind = {
  name: 'websocket',
  decodes: false,
  show(source) {
    const { upgrade, frames } = inputOf(source);
    return `${shown(upgrade)}\n${shownDelivery(frames)}`;
  },
  send: ({ service }, batch) =>
    inLanes(batch, () => ({
      async send(source) {
        const { upgrade, frames } = inputOf(source);
        checkAnswers(await deliver(service.port, frames, upgrade));
      },
      close: () => {},
    })),
};

function inputOf(source: Source) {
  const upgrade = upgradeBytes(source);
  return { upgrade, frames: delivered(frameBytes(source), source.random) };
}
