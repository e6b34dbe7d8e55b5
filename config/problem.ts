/** One mistake in a configuration, or one thing about it that deserves a warning. */
export interface Problem {
  /** Key path such as `retirement_pipeline[2]` or `base_urls.lms`, or a place in the text; empty for the file as a whole. */
  readonly where: string;
  /** What is wrong and what to do. Never holds a secret's value. */
  readonly message: string;
}

const MAX_SHOWN_CHARACTERS = 60;
const lineBreakers = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** Exactly one line: where, what is wrong, what to do. */
export function describeProblem(problem: Problem): string {
  const line = problem.where === '' ? problem.message : `${problem.where}: ${problem.message}`;
  return line.replace(lineBreakers, ' ').trim();
}

/**
 * Collects everything that is wrong, so that one reading reports all mistakes. Values marked as secret are taken out
 * of every line, also of lines about other keys, where a mistake in the text may have put them.
 */
export interface Report {
  problem(where: string, message: string): void;
  warning(where: string, message: string): void;
  /** `label` stands in for `value` in every line. */
  secret(value: string, label: string): void;
  problems(): readonly Problem[];
  warnings(): readonly Problem[];
}

/** Values shorter than this are no secrets, and would mangle ordinary words of a message. */
const MIN_SECRET_LENGTH = 5;

export function createReport(): Report {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const secrets = new Map<string, string>();
  const redacted = (found: readonly Problem[]): readonly Problem[] => {
    // The longest first: a secret may contain another.
    const longestFirst = [...secrets].sort(([one], [other]) => other.length - one.length);
    const clean = (text: string): string =>
      longestFirst.reduce((rest, [value, label]) => replaceEach(rest, value, label), text);
    return found.map(({ where, message }) => ({ where: clean(where), message: clean(message) }));
  };
  return {
    problem: (where, message) => void problems.push({ where, message }),
    warning: (where, message) => void warnings.push({ where, message }),
    secret: (value, label) => {
      if (value.length >= MIN_SECRET_LENGTH && !secrets.has(value)) secrets.set(value, label);
    },
    problems: () => redacted(problems),
    warnings: () => redacted(warnings),
  };
}

function replaceEach(text: string, value: string, label: string): string {
  return text.replaceAll(value, () => label).replaceAll(escaped(value), () => label);
}

/** The value as {@link shown} would have written it. */
function escaped(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** A value that is no secret, for a message: texts in quotes and cut, everything else by its kind. */
export function shown(value: unknown): string {
  if (typeof value !== 'string') return kindOf(value);
  const characters = [...value];
  const cut = characters.length > MAX_SHOWN_CHARACTERS;
  return JSON.stringify(cut ? `${characters.slice(0, MAX_SHOWN_CHARACTERS).join('')}…` : value);
}

/** What a value is, in plain words; of a text not its content. */
export function kindOf(value: unknown, options: { readonly secret?: boolean } = {}): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (value instanceof Uint8Array) return 'binary data';
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'text';
  if (typeof value === 'number') return options.secret ? 'a number' : `the number ${value}`;
  if (typeof value === 'boolean') return options.secret ? 'yes or no' : `the truth value ${value}`;
  return 'a mapping';
}

/** `parent.key`, or `parent["odd key"]`; just the key at the top. */
export function keyPath(parent: string, key: string): string {
  const plain = /^[\w-]+$/.test(key);
  if (plain) return parent === '' ? key : `${parent}.${key}`;
  return `${parent}[${shown(key)}]`;
}
