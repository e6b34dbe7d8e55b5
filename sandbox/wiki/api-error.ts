/** `main`, `query`, or a module of query such as `query+usercontribs`. */
export type ModulePath = 'main' | 'query' | `query+${string}` | 'json';

/** What an error or a warning says: in English, and as MediaWiki's message with what it fills in, for `errorformat=raw`. */
export interface Message {
  readonly text: string;
  readonly key: string;
  readonly params: readonly unknown[];
}

/** A parameter of a message that is shown as it is. */
export function plain(text: string): { readonly plaintext: string } {
  return { plaintext: text };
}

/** A parameter of a message that is a number. */
export function num(value: number): { readonly num: number } {
  return { num: value };
}

/** An error that the Action API answers with, inside status 200. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly module: ModulePath;
  readonly said: Message;
  readonly data: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    module: ModulePath,
    code: string,
    said: Message,
    more: {
      readonly data?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(said.text);
    this.module = module;
    this.code = code;
    this.said = said;
    this.data = more.data ?? {};
    this.headers = more.headers ?? {};
  }
}

export interface ApiWarning {
  readonly module: ModulePath;
  readonly code: string;
  readonly said: Message;
  readonly data?: Readonly<Record<string, unknown>>;
}
