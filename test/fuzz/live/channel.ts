import { until } from '../../../loadtest/support/until.ts';
import { announcement } from '../grammar/announcements.ts';
import { type LiveKind, shown } from '../kind.ts';
import { CHANNEL } from './target.ts';

/** Messages on the invalidation channel, from any program that may publish there. */
export const channel: LiveKind = {
  name: 'channel',
  decodes: false,
  show: (source) => shown(announcement(source)),
  async send({ service, redis }, batch) {
    const pipeline = redis.pipeline();
    for (const source of batch) pipeline.publish(CHANNEL, announcement(source));
    await pipeline.exec();
    await until(async () => {
      const health = (await (await service.fetch('/health')).json()) as { coherence: string };
      return health.coherence === 'coherent';
    });
  },
};
