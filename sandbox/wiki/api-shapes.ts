import type { ApiError, ApiWarning, Message, ModulePath } from './api-error.ts';

/**
 * How errors and warnings are to be worded, by `errorformat`: `bc`, the default, has the old keys; `plain` is every format with a
 * text; `raw` names the message.
 */
export interface Wording {
  readonly formatVersion: 1 | 2;
  readonly errorFormat: 'bc' | 'plain' | 'raw';
  readonly apiUrl: string;
}

/** The whole answer to a request that failed. */
export function showError(
  error: ApiError,
  warnings: readonly ApiWarning[],
  wording: Wording,
): Readonly<Record<string, unknown>> {
  const docref = { [wording.formatVersion === 2 ? 'docref' : '*']: `See ${wording.apiUrl} for API usage.` };
  const shown = showWarnings(warnings, wording);
  if (wording.errorFormat === 'bc') {
    return { ...shown, error: { code: error.code, info: error.message, ...error.data, ...docref } };
  }
  const data = Object.keys(error.data).length > 0 ? { data: error.data } : {};
  return {
    ...shown,
    errors: [{ code: error.code, ...showMessage(error.said, wording), ...data, module: error.module }],
    ...docref,
  };
}

/** The key `warnings`, or nothing. */
export function showWarnings(
  warnings: readonly ApiWarning[],
  wording: Wording,
): Readonly<Record<string, unknown>> {
  if (warnings.length === 0) return {};
  if (wording.errorFormat !== 'bc') {
    return {
      warnings: warnings.map(({ module, code, said, data }) => ({
        code,
        ...showMessage(said, wording),
        ...(data === undefined ? {} : { data }),
        module,
      })),
    };
  }
  const key = wording.formatVersion === 2 ? 'warnings' : '*';
  const texts = new Map<string, string[]>();
  for (const { module, said } of warnings) {
    const name = shortName(module);
    texts.set(name, [...(texts.get(name) ?? []), said.text]);
  }
  return {
    warnings: Object.fromEntries([...texts].map(([name, lines]) => [name, { [key]: lines.join('\n') }])),
  };
}

/** Version 1 has no booleans: true is an empty text, false is absent. */
export function toVersion1(value: unknown): unknown {
  if (value === true) return '';
  if (Array.isArray(value)) return value.map(toVersion1);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== false)
      .map(([key, entry]) => [key, toVersion1(entry)]),
  );
}

function showMessage({ text, key, params }: Message, { errorFormat, formatVersion }: Wording): object {
  if (errorFormat === 'raw') return { key, params };
  return { [formatVersion === 2 ? 'text' : '*']: text };
}

function shortName(module: ModulePath): string {
  return module.split('+').at(-1) ?? module;
}
