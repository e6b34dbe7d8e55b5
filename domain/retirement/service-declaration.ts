/** A service of the operator's own, under the name that pipeline rows use. */
export type ServiceDeclaration = DeclaredService | ModuleService;

/**
 * A service spoken to over HTTP. Placeholders in paths and in the texts of bodies are filled in:
 * in a path percent-encoded; in a body as they are, except that a text which is nothing but `{user_id}` becomes a number.
 */
export interface DeclaredService {
  readonly kind: 'http';
  readonly baseUrl: string;
  readonly auth: ServiceAuth;
  readonly methods: Readonly<Record<string, DeclaredMethod>>;
  /** It really is at a link-local address; such addresses are refused otherwise. */
  readonly allowLinkLocal?: boolean;
}

export type ServiceAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'oauth';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string;
      /** The word before the token in the Authorization header; default `JWT` for tokens of the LMS, otherwise `Bearer`. */
      readonly scheme: string;
    };

export interface DeclaredRequest {
  readonly verb: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
}

export interface DeclaredMethod extends DeclaredRequest {
  /** JSON with placeholders in its texts; sent as `application/json`. */
  readonly body?: unknown;
  /** Statuses that mean success. Default 200, 201, 202, 204. */
  readonly ok: readonly number[];
  /** Statuses that mean "nothing to erase here". Default none. */
  readonly nothingToErase: readonly number[];
  /** A read-only request that can tell afterwards whether the learner is gone. */
  readonly verify?: DeclaredRequest & { readonly gone: readonly number[] };
}

/** A service written as an ES module that exports one async function for each method. */
export interface ModuleService {
  readonly kind: 'module';
  /** Absolute path; in the file it may be relative to the file. */
  readonly path: string;
}
