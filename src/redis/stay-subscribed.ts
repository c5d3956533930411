import type { Redis } from 'ioredis';

/** Members that ioredis does not declare. */
interface Inside {
  readonly condition: { subscriber: unknown };
}

/**
 * Keeps a connection in subscriber mode once it has subscribed. The reply to SUNSUBSCRIBE counts the sharded channels
 * only. At 0, ioredis would leave subscriber mode although other subscriptions exist, and take each further message for
 * the reply to a command. Redis sends SUNSUBSCRIBE without a request when a slot moves to another master.
 */
export function staySubscribed(link: Redis): void {
  link.on('connect', () => {
    const { condition } = link as unknown as Inside;
    let subscriber: unknown = condition.subscriber;
    Object.defineProperty(condition, 'subscriber', {
      get: () => subscriber,
      set: (value: unknown) => {
        if (value !== false) subscriber = value;
      },
    });
  });
}
