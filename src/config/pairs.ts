/** Pairs of OpenTelemetry as name=value, separated by commas. The SDK drops what it cannot read, without a word. */

/** The names of header lines in HTTP. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** A value of a header line, decoded. */
const FIELD = /^[\t\x20-\x7e]+$/;
/** Characters of a name or value that the SDK reads. */
const LONGEST_ATTRIBUTE = 255;

/** Whether the SDK reads all pairs of OTEL_EXPORTER_OTLP_HEADERS. It reads a value only up to a semicolon. */
export function areHeaders(text: string): boolean {
  return everyPair(text, (pair) => {
    const at = pair.indexOf('=');
    const [name, value] = [decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))];
    return at > 0 && !pair.includes(';') && TOKEN.test(name) && FIELD.test(value);
  });
}

/** Whether the SDK reads all pairs of OTEL_RESOURCE_ATTRIBUTES. One fault makes it drop all of them. */
export function areAttributes(text: string): boolean {
  return everyPair(text, (pair) => {
    const [name = '', value, more] = pair.split('=');
    if (value === undefined || more !== undefined || name.trim() === '') return false;
    return isAttribute(name) && (value.trim() === '' || isAttribute(value));
  });
}

function everyPair(text: string, test: (pair: string) => boolean): boolean {
  return text.split(',').every((pair) => pair.trim() === '' || test(pair));
}

function isAttribute(text: string): boolean {
  const { length } = decoded(text);
  return length > 0 && length <= LONGEST_ATTRIBUTE;
}

/** Returns '' if the encoding is broken. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return '';
  }
}
