/** `main`, `query`, or a module of query such as `query+usercontribs`. */
export type ModulePath = 'main' | 'query' | `query+${string}` | 'json';

/** An error that the Action API answers with, inside status 200. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly module: ModulePath;
  readonly data: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    module: ModulePath,
    code: string,
    info: string,
    more: {
      readonly data?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(info);
    this.module = module;
    this.code = code;
    this.data = more.data ?? {};
    this.headers = more.headers ?? {};
  }
}

export interface ApiWarning {
  readonly module: ModulePath;
  readonly code: string;
  readonly text: string;
  readonly data?: Readonly<Record<string, unknown>>;
}
