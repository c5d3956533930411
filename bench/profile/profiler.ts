/** Profiles a process of Node from outside, through the inspector that SIGUSR1 opens in it. */
import { once } from 'node:events';
import type { Profiler } from 'node:inspector';
import { until } from '../../loadtest/support/until.ts';

/** Where every process opens its inspector by default: so one process at a time can be profiled. */
const TARGETS = 'http://127.0.0.1:9229/json/list';

type Ask = (method: string, params?: object) => Promise<unknown>;

/** @throws where the inspector does not open, or another process has its port */
export async function profiled(
  pid: number,
  intervalUs: number,
  act: () => Promise<unknown>,
): Promise<Profiler.Profile> {
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await until(targetUrl));
  await once(socket, 'open');
  try {
    const ask = asking(socket);
    const { result } = (await ask('Runtime.evaluate', { expression: 'process.pid' })) as {
      result: { value: number };
    };
    if (result.value !== pid)
      throw new Error(`port 9229 is taken by the inspector of process ${result.value}`);
    await ask('Profiler.enable');
    await ask('Profiler.setSamplingInterval', { interval: intervalUs });
    await ask('Profiler.start');
    await act();
    return ((await ask('Profiler.stop')) as Profiler.StopReturnType).profile;
  } finally {
    // While a client is connected, the process does not end.
    socket.close();
    await once(socket, 'close');
  }
}

function asking(socket: WebSocket): Ask {
  let id = 0;
  return async (method, params = {}) => {
    const answered = once(socket, 'message');
    socket.send(JSON.stringify({ id: id++, method, params }));
    const [{ data }] = (await answered) as [{ data: string }];
    const { result, error } = JSON.parse(data) as { result: unknown; error?: { message: string } };
    if (error) throw new Error(error.message);
    return result;
  };
}

async function targetUrl(): Promise<string | undefined> {
  const targets = (await (await fetch(TARGETS)).json()) as { webSocketDebuggerUrl: string }[];
  return targets[0]?.webSocketDebuggerUrl;
}
