/**
 * Sends requests of subcommands to a running service. It uses `node:http`, because `fetch` takes about 30 ms to load
 * and probes start `check` every few seconds.
 */
import { type IncomingHttpHeaders, request as requestPlain } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { endpoint, failureText, parsed, problemText } from '../service-answer.ts';
import { Failure } from './exits.ts';
import { authorization } from './service-token.ts';

/** No service answered, or the answer is not from ratecache. */
export const EXIT_UNREACHABLE = 2;

/** The end of the message about an answer that ratecache does not send. */
export const NOT_RATECACHE = ', but not as ratecache does: check the URL';

export interface Question {
  /** With percent-encoding, and perhaps a query. */
  readonly path: string;
  /** By default POST with a body, else GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A value that is sent as JSON. */
  readonly body?: unknown;
  /** The bytes of a JSON body, instead of `body`. */
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly token: string | undefined;
  /** The address of the host; looked up if absent. */
  readonly address?: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; undefined if the text is not JSON. */
  readonly body: unknown;
}

/** The error for an answer that the command did not expect. */
export function unexpected(url: string, { status, body }: Answer): Failure {
  return new Failure(`${url} answered ${status}${problemText(body) || NOT_RATECACHE}`, 1);
}

/** The URL at which a service with this environment listens, as seen from the same machine. */
export function ownUrl({ HOST, PORT, TLS_CERT_FILE }: NodeJS.ProcessEnv = process.env): string {
  return urlOf(TLS_CERT_FILE ? 'https' : 'http', HOST, PORT);
}

/** The URL of the endpoints of operators. They may have their own port, which has no TLS. */
export function ownOpsUrl(env: NodeJS.ProcessEnv = process.env): string {
  return env.OPS_PORT ? urlOf('http', env.HOST, env.OPS_PORT) : ownUrl(env);
}

function urlOf(scheme: string, HOST: string | undefined, PORT: string | undefined): string {
  const everywhere = HOST === undefined || ['', '0.0.0.0', '::', '::0'].includes(HOST);
  const host = everywhere ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST;
  return `${scheme}://${host}:${PORT || 8000}`;
}

/** Finds this address for every name. */
function lookupOf(address: string): LookupFunction {
  const family = isIP(address);
  return (_name, { all }, found) => {
    if (all) found(null, [{ address, family }]);
    else found(null, address, family);
  };
}

/** @throws Failure with EXIT_UNREACHABLE if no answer arrives in time */
export async function callService(url: string, question: Question): Promise<Answer> {
  const { path, body, bytes, headers, timeoutMs, token, address } = question;
  const payload = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const target = new URL(url);
    const request = target.protocol === 'https:' ? (await import('node:https')).request : requestPlain;
    return await new Promise<Answer>((resolve, reject) => {
      const options = {
        method: question.method ?? (payload === undefined ? 'GET' : 'POST'),
        // Not as a part of the URL, which would replace the key `..` by the parent of its path.
        path: endpoint(target.pathname, path),
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          ...(payload !== undefined && { 'content-length': Buffer.byteLength(payload) }),
          ...headers,
          ...authorization(token),
        },
        agent: false,
        signal,
        ...(address !== undefined && { lookup: lookupOf(address) }),
      } as const;
      const sent = request(target, options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () => {
          const { statusCode, headers } = response;
          resolve({ status: statusCode!, headers, text, body: parsed(text) });
        });
      });
      sent.once('error', reject);
      sent.end(payload);
    });
  } catch (error) {
    throw new Failure(failureText(url, timeoutMs, signal, error), EXIT_UNREACHABLE);
  }
}
