/** A value of a course file and the key path that leads to it, such as `wikis[1].language`. */
export interface Field {
  readonly where: string;
  readonly value: unknown;
}

/** Takes down one mistake: the path of the key, what is wrong and what to do. */
export type Complain = (where: string, message: string) => void;

/*
 * Readers of single values. Each gives undefined for one that is absent or wrong; the latter is complained of. They are not those
 * of the configuration, which are as lenient as Open edX: here an unknown key or a number for a name is a mistake.
 */

/** The fields of a mapping that has no other keys than `known`. */
export function readKeys<Key extends string>(
  complain: Complain,
  { where, value }: Field,
  { what, known }: { readonly what: string; readonly known: readonly Key[] },
): ((key: Key) => Field) | undefined {
  const list = known.join(', ');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    complain(where, `must be a mapping with the keys of ${what} (${list}), found ${kindOf(value)}`);
    return undefined;
  }
  const values = new Map<string, unknown>(Object.entries(value));
  for (const key of values.keys()) {
    if (known.every((name) => name !== key)) {
      complain(keyPath(where, key), `unknown key; ${what} has: ${list}`);
    }
  }
  return (key) => ({ where: keyPath(where, key), value: values.get(key) });
}

export function isAbsent({ value }: Field): boolean {
  return value === undefined || value === null;
}

/** Complains of an absent value too; `what` completes "write …". */
export function needed(complain: Complain, field: Field, what: string): Field {
  if (isAbsent(field)) complain(field.where, `is missing; write ${what}`);
  return field;
}

export function readList(complain: Complain, field: Field, of: string): readonly Field[] | undefined {
  if (isAbsent(field)) return undefined;
  const { where, value } = field;
  if (!Array.isArray(value)) {
    complain(where, `must be a list of ${of}, found ${kindOf(value)}`);
    return undefined;
  }
  return value.map((item: unknown, index) => ({ where: `${where}[${index}]`, value: item }));
}

/** One line of text with something in it, without the spaces around it. */
export function readText(complain: Complain, field: Field): string | undefined {
  if (isAbsent(field)) return undefined;
  const { where, value } = field;
  if (typeof value !== 'string') {
    complain(where, `must be text, found ${kindOf(value)}; put it in quotes`);
    return undefined;
  }
  if (/[\u0000-\u001f\u007f]/.test(value)) {
    complain(where, 'has a line break or another control character; remove it');
    return undefined;
  }
  if (value.trim() === '') {
    complain(where, 'is empty; write something or remove the key');
    return undefined;
  }
  return value.trim();
}

export function readWholeNumber(
  complain: Complain,
  field: Field,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (isAbsent(field)) return undefined;
  const { where, value } = field;
  // YAML's whole numbers come as bigint.
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
  complain(where, `must be a whole number from ${min} to ${max}, found ${kindOf(value)}`);
  return undefined;
}

function keyPath(parent: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  return typeof value === 'boolean' ? `the truth value ${value}` : 'a mapping';
}
