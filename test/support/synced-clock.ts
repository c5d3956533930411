import { ServiceClock } from '../../src/cache/clock.ts';

/** A clock that agrees with a Redis on this machine. Only tests about clocks need another one. */
export function syncedClock(): ServiceClock {
  const clock = new ServiceClock();
  clock.trustWall();
  return clock;
}
