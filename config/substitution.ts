import { fileVersion, type FileVersion } from './file-version.ts';
import { kindOf, keyPath, type Report } from './problem.ts';
import { findVariable } from './secret-files.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Stands for a value whose variable is unset: the mistake is reported, and nothing more is to be said about the value. */
export const unresolved = Symbol('unresolved');

export interface Substituted {
  readonly tree: unknown;
  /** The variables that the file uses, with their values. */
  readonly used: ReadonlyMap<string, string>;
  /** Files that variables were read from, by their paths, as they were then. */
  readonly files: ReadonlyMap<string, FileVersion>;
}

/**
 * Fills `${NAME}` in every text of the tree from the environment, or from the file that the variable `NAME_FILE` names (`$${` is
 * a literal `${`), and makes the tree plain:
 * whole numbers become numbers, or texts where a number could not hold them; sets become lists.
 */
export function substitute(root: unknown, env: Environment, report: Report): Substituted {
  const used = new Map<string, string>();
  const files = new Map<string, FileVersion>();

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
      const found = findVariable(env, name);
      if (found.kind === 'unset' || found.kind === 'wrong') {
        report.problem(where, found.kind === 'wrong' ? found.message : notSet(name));
        broken = true;
        return '';
      }
      used.set(name, found.value);
      if (found.kind === 'file') files.set(found.path, fileVersion(found.stats));
      report.secret(found.value, `\${${name}}`);
      return found.value;
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

  return { tree: walk(root, ''), used, files };
}

function notSet(name: string): string {
  return `the environment variable ${name} is not set; set it, or write the value in place of \${${name}}`;
}
