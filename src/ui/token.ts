/** The token of this tab. */

const NAME = 'ratecache-token';
/** As the service reads it. `fetch` throws for other characters, such as a letter beyond Latin-1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

let current = stored();

/** Empty without a token. */
export function token(): string {
  return current;
}

/** @param value a token, or an empty string to forget it */
export function setToken(value: string): void {
  current = value;
  try {
    if (value === '') sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, value);
  } catch {
    // Without storage the page keeps the token until it is loaded again.
  }
}

function stored(): string {
  try {
    const text = sessionStorage.getItem(NAME) ?? '';
    return isToken(text) ? text : '';
  } catch {
    return '';
  }
}
