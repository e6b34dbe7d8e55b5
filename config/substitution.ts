import { kindOf, keyPath, type Report } from './problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Stands for a value whose variable is unset: the mistake is reported, and nothing more is to be said about the value. */
export const unresolved = Symbol('unresolved');

export interface Substituted {
  readonly tree: unknown;
  /** The variables that the file uses, with their values. */
  readonly used: ReadonlyMap<string, string>;
}

/**
 * Fills `${NAME}` in every text of the tree from the environment (`$${` is a literal `${`) and makes the tree plain:
 * whole numbers become numbers, or texts where a number could not hold them; sets become lists.
 */
export function substitute(root: unknown, env: Environment, report: Report): Substituted {
  const used = new Map<string, string>();

  const fill = (text: string, where: string): string | typeof unresolved => {
    let broken = false;
    const filled = text.replace(/\$?\$\{([^}]*)(\}?)/g, (whole, name: string, closed: string) => {
      if (whole.startsWith('$$')) return whole.slice(1);
      if (closed === '' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        report.problem(
          where,
          'has a "${" that no "NAME}" follows; write ${NAME} for a variable, or $${ for a literal ${',
        );
        broken = true;
        return '';
      }
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (value === undefined) {
        report.problem(
          where,
          `the environment variable ${name} is not set; set it, or write the value in place of \${${name}}`,
        );
        broken = true;
        return '';
      }
      used.set(name, value);
      report.secret(value, `\${${name}}`);
      return value;
    });
    return broken ? unresolved : filled;
  };

  const open = new Set<unknown>();
  const walk = (value: unknown, where: string): unknown => {
    if (open.has(value)) {
      report.problem(where, 'contains itself through an alias (*name); write the value out');
      return unresolved;
    }
    if (typeof value !== 'object' || value === null) return walkPlain(value, where);
    open.add(value);
    const walked = walkPlain(value, where);
    open.delete(value);
    return walked;
  };
  const walkPlain = (value: unknown, where: string): unknown => {
    if (typeof value === 'string') return fill(value, where);
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (value instanceof Set) return walk([...(value as ReadonlySet<unknown>)], where);
    if (value instanceof Map) return walk(Object.fromEntries(value as ReadonlyMap<string, unknown>), where);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, `${where}[${index}]`));
    if (typeof value !== 'object' || value === null || kindOf(value) !== 'a mapping') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, walk(item, keyPath(where, key))]),
    );
  };

  return { tree: walk(root, ''), used };
}
