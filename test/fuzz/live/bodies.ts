import { type ApiRequest, apiRequest } from '../grammar/bodies.ts';
import { type LiveKind, shown } from '../kind.ts';
import { Api, checkBody } from './api.ts';
import { inLanes } from './lanes.ts';

/** Requests of every endpoint with damaged JSON and msgpack bodies, queries and headers. */
export const bodies: LiveKind = {
  name: 'bodies',
  decodes: false,
  show: (source) => shownRequest(apiRequest(source)),
  send: ({ service }, batch) =>
    inLanes(batch, () => {
      const api = new Api(service.port);
      return {
        send: async (source) => checkBody(await api.request(apiRequest(source))),
        close: () => api.close(),
      };
    }),
};

function shownRequest({ method, target, headers, body }: ApiRequest): string {
  return [`${method} ${target}`, ...headers, shown(body)].join('\n');
}
