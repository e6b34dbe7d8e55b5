import { ApiError, num, plain, type ApiWarning, type ModulePath } from './api-error.ts';
import { parseTimestamp } from './timestamps.ts';

const MOST_VALUES = 50;
const MOST_VALUES_HIGH = 500;

/** One API request's parameters: reads them as MediaWiki validates them, and keeps the warnings that come of it. */
export class Parameters {
  readonly #values: URLSearchParams;
  readonly #known = new Set<string>();
  readonly #warnings: ApiWarning[] = [];

  constructor(values: URLSearchParams) {
    this.#values = values;
  }

  /** Composed and without control characters; undefined when absent. A parameter that was asked for is known: no warning calls it unrecognized. */
  text(name: string): string | undefined {
    this.#known.add(name);
    const raw = this.#values.getAll(name).at(-1);
    return raw === undefined ? undefined : cleaned(raw);
  }

  /** Accepted, whatever its value. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#known.add(name);
  }

  /** True when present, with any value. */
  flag(name: string): boolean {
    return this.text(name) !== undefined;
  }

  /** The values between the bars, each once; undefined when absent, none when empty. */
  list(module: ModulePath, name: string): readonly string[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (text === '') return [];
    if (text !== this.#values.getAll(name).at(-1)) this.#warnOfForm(module, name);
    const values = text.startsWith('\u001f') ? text.slice(1).split('\u001f') : text.split('|');
    if (values.length > MOST_VALUES) {
      throw new ApiError(
        module,
        'toomanyvalues',
        {
          text: `Too many values supplied for parameter "${name}". The limit is ${MOST_VALUES}.`,
          key: 'paramvalidator-toomanyvalues',
          params: [plain(name), num(MOST_VALUES)],
        },
        { data: { limit: MOST_VALUES, lowlimit: MOST_VALUES, highlimit: MOST_VALUES_HIGH } },
      );
    }
    return [...new Set(values)];
  }

  /** Those of the values that are allowed; a warning names the others. */
  choices(
    module: ModulePath,
    name: string,
    allowed: readonly string[],
    otherwise: readonly string[],
  ): readonly string[] {
    const given = this.list(module, name);
    if (given === undefined) return otherwise;
    const unknown = given.filter((value) => !allowed.includes(value));
    if (unknown.length > 0) {
      const values = unknown.length === 1 ? 'value' : 'values';
      const said = {
        text: `Unrecognized ${values} for parameter "${name}": ${unknown.join(', ')}`,
        key: 'paramvalidator-unrecognizedvalues',
        params: [
          plain(name),
          plain(this.text(name) ?? ''),
          { list: unknown.map(plain), type: 'comma' },
          num(unknown.length),
        ],
      };
      this.warn({ module, code: 'unrecognizedvalues', said, data: { values: unknown } });
    }
    return given.filter((value) => allowed.includes(value));
  }

  choice<T extends string>(module: ModulePath, name: string, allowed: readonly T[], otherwise: T): T {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const found = allowed.find((value) => value === text);
    if (found !== undefined) return found;
    throw new ApiError(module, 'badvalue', {
      text: `Unrecognized value for parameter "${name}": ${text}.`,
      key: 'paramvalidator-badvalue-enumnotmulti',
      params: [plain(name), plain(text), { list: allowed.map(plain), type: 'text' }, num(allowed.length)],
    });
  }

  integer(module: ModulePath, name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : integerOf(module, name, text);
  }

  integers(module: ModulePath, name: string): readonly number[] | undefined {
    return this.list(module, name)?.map((text) => integerOf(module, name, text));
  }

  /** Between 1 and `highest`, with a warning when it had to be moved there; `isMax` when `max` was asked. */
  limit(
    module: ModulePath,
    name: string,
    otherwise: number,
    highest: number,
  ): { readonly value: number; readonly isMax: boolean } {
    if (this.text(name) === 'max') return { value: highest, isMax: true };
    const given = this.integer(module, name) ?? otherwise;
    if (given < 1 || given > highest) {
      this.warn({
        module,
        code: 'outofrange',
        said: {
          text: `The value "${given}" for parameter "${name}" must be between 1 and ${highest}.`,
          key: 'paramvalidator-outofrange-minmax',
          params: [plain(name), plain(String(given)), num(1), num(highest)],
        },
        data: { min: 1, curmax: highest, max: highest, highmax: 5000 },
      });
    }
    return { value: Math.min(Math.max(given, 1), highest), isMax: false };
  }

  timestamp(module: ModulePath, name: string): Date | undefined {
    const text = this.text(name);
    if (text === undefined || text === '') return undefined;
    const at = parseTimestamp(text);
    if (at !== undefined) return at;
    throw invalid(module, 'timestamp', name, text);
  }

  warn(warning: ApiWarning): void {
    this.#warnings.push(warning);
  }

  warnings(): readonly ApiWarning[] {
    return this.#warnings;
  }

  #warnOfForm(module: ModulePath, name: string): void {
    const said = {
      text:
        `The value passed for "${name}" contains invalid or non-normalized data. Textual data should be valid, ` +
        'NFC-normalized Unicode without C0 control characters other than HT (\\t), LF (\\n), and CR (\\r).',
      key: 'apiwarn-badutf8',
      params: [name],
    };
    this.warn({ module, code: 'badutf8', said });
  }

  /** Warns of the parameters that nobody asked for. Only of use when everything has been read. */
  warnOfUnknown(): void {
    const sent = [...new Set(this.#values.keys())];
    const unknown = sent.filter((name) => !this.#known.has(name));
    if (unknown.length === 0) return;
    const parameters = unknown.length === 1 ? 'parameter' : 'parameters';
    const said = {
      text: `Unrecognized ${parameters}: ${unknown.join(', ')}.`,
      key: 'apierror-unrecognizedparams',
      // By their places among all that were sent.
      params: [
        { list: Object.fromEntries(unknown.map((name) => [sent.indexOf(name), name])), type: 'comma' },
        unknown.length,
      ],
    };
    this.warn({ module: 'main', code: 'unrecognizedparams', said });
  }
}

/** What MediaWiki makes of a text. The separator of values that contain bars is a control character too. */
function cleaned(raw: string): string {
  const separated = raw.startsWith('\u001f');
  return raw
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (control) =>
      separated && control === '\u001f' ? control : '\ufffd',
    )
    .normalize('NFC');
}

function integerOf(module: ModulePath, name: string, text: string): number {
  const value = /^[+-]?\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isInteger(value)) return value;
  throw invalid(module, 'integer', name, text);
}

/** A value that is none of its parameter's type. */
export function invalid(
  module: ModulePath,
  type: 'integer' | 'timestamp' | 'user',
  name: string,
  value: string,
): ApiError {
  return new ApiError(module, `bad${type}`, {
    text: `Invalid value "${value}" for ${type} parameter "${name}".`,
    key: `paramvalidator-bad${type}`,
    params: [plain(name), plain(value)],
  });
}
