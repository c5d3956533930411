import type { Load } from '../row.ts';

/** The same load, and what the server allocated for it. @param keys that each request asks for */
export function allocating(load: Load, keys: number): Load {
  return {
    ...load,
    run: async (server, seconds) => {
      await server.allocated!();
      const outcome = await load.run(server, seconds);
      const perRequest = (await server.allocated!()) / outcome.requests;
      const allocated = keys === 1 ? { perRequest } : { perRequest, perKey: perRequest / keys };
      return { ...outcome, allocated };
    },
  };
}
