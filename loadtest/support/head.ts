export type Headers = readonly (readonly [name: string, value: string])[];

/** The header line of requests to a server on this machine. */
export const LOCAL_HEAD = 'Host: 127.0.0.1\r\n';

/** The header lines of every request, each with its line end. */
export function headOf(headers: Headers | undefined): string {
  return headers === undefined
    ? LOCAL_HEAD
    : headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
