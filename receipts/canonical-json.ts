/** Matches only half a pair: no UTF-8 bytes exist for it, so it cannot be hashed. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The one text of a value: keys sorted by UTF-16 code units, no white space, strings as `JSON.stringify` writes them.
 * Takes null, booleans, safe integers, well-formed strings, arrays without holes and plain objects. Throws a `TypeError`
 * that says where anything else stands: undefined, fractions, -0, dates, what JSON would silently change or leave out.
 */
export function canonicalJson(value: unknown): string {
  return write(value, '');
}

function write(value: unknown, where: string): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return writeText(value, where);
  if (typeof value === 'number') return writeInteger(value, where);
  if (Array.isArray(value)) {
    // Array.from also visits holes, which `map` would skip.
    return `[${Array.from(value, (item, index) => write(item, `${where}/${index}`)).join(',')}]`;
  }
  if (isPlainObject(value)) return writeObject(value, where);
  throw cannotHold(where, typeof value);
}

function writeObject(value: Readonly<Record<string, unknown>>, where: string): string {
  const keys = Object.keys(value).sort();
  const members = keys.map((key) => `${writeText(key, where)}:${write(value[key], `${where}/${key}`)}`);
  return `{${members.join(',')}}`;
}

function writeText(text: string, where: string): string {
  if (LONE_SURROGATE.test(text)) throw cannotHold(where, 'half a surrogate pair');
  return JSON.stringify(text);
}

function writeInteger(value: number, where: string): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw cannotHold(where, `the number ${value}`);
  return String(value);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function cannotHold(where: string, what: string): TypeError {
  return new TypeError(`a receipt cannot hold ${what} (at ${where || '/'})`);
}
