import type { DeclaredMethod, DeclaredRequest } from '../domain/retirement/service-declaration.ts';
import { isPlaceholder, placeholders, placeholdersIn } from '../domain/retirement/placeholders.ts';
import { keyPath, kindOf, shown, type Report } from './problem.ts';
import {
  field,
  isAbsent,
  isRecord,
  readNumber,
  readSection,
  readText,
  warnOfUnknownKeys,
  type Field,
  type Section,
} from './section.ts';
import { unresolved } from './substitution.ts';
import { didYouMean } from './closest.ts';

const defaultOk = [200, 201, 202, 204];
const verbs = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** What a method may ask for depends on what the LMS is asked for. */
export interface MethodContext {
  readonly fetchEcommerceSegmentId: boolean;
}

/** Reads one entry of `methods` of a declared service. */
export function readMethod(report: Report, from: Field, context: MethodContext): DeclaredMethod | undefined {
  if (isAbsent(from))
    report.problem(from.where, 'is empty; give it verb and path, such as {verb: POST, path: /retire/}');
  const section = readSection(report, from, 'verb, path, body, ok, nothing_to_erase, verify');
  if (section === undefined) return undefined;
  warnOfUnknownKeys(report, section, ['verb', 'path', 'body', 'ok', 'nothing_to_erase', 'verify']);
  const verb = readVerb(report, section);
  const path = readPath(report, section, context);
  const body = readBody(report, field(section, 'body'), context);
  if (verb === 'GET' && body !== undefined) {
    report.problem(`${section.where}.body`, 'cannot be sent with GET; remove it or use POST');
  }
  const nothingToErase = readStatuses(report, field(section, 'nothing_to_erase'), {
    min: 200,
    max: 499,
    default: [],
  });
  const ok = readStatuses(report, field(section, 'ok'), {
    min: 200,
    max: 399,
    default: defaultOk.filter((status) => !nothingToErase.includes(status)),
  });
  const both = nothingToErase.find((status) => ok.includes(status));
  if (both !== undefined) {
    report.problem(`${section.where}.nothing_to_erase`, `${both} is also in ok; keep it in one of the two`);
  }
  const verify = readVerify(report, field(section, 'verify'), context);
  if (path !== undefined && placeholdersIn(path + JSON.stringify(body ?? '')).length === 0) {
    report.warning(
      section.where,
      'names no learner; put a placeholder such as {user_id} into its path or body',
    );
  }
  if (verb === undefined || path === undefined) return undefined;
  return { verb, path, ok, nothingToErase, ...(body !== undefined && { body }), ...(verify && { verify }) };
}

function readVerify(report: Report, from: Field, context: MethodContext): DeclaredMethod['verify'] {
  const section = readSection(report, from, 'path, gone');
  if (section === undefined) return undefined;
  warnOfUnknownKeys(report, section, ['verb', 'path', 'gone']);
  const verb = readText(report, field(section, 'verb'))?.toUpperCase();
  if (verb !== undefined && verb !== 'GET' && verb !== 'HEAD') {
    report.problem(
      `${section.where}.verb`,
      `must be GET, because a verification only reads, found ${shown(verb)}; correct it or leave it out`,
    );
  }
  const path = readPath(report, section, context);
  const gone = readStatuses(report, field(section, 'gone'), { min: 200, max: 499, default: [404] });
  return path === undefined ? undefined : { verb: 'GET', path, gone };
}

function readVerb(report: Report, section: Section): DeclaredRequest['verb'] | undefined {
  const from = field(section, 'verb');
  const text = readText(report, from);
  if (text === undefined) {
    if (isAbsent(from)) report.problem(from.where, `is missing; write one of ${verbs.join(', ')}`);
    return undefined;
  }
  const verb = verbs.find((known) => known === text.toUpperCase());
  if (verb === undefined)
    report.problem(from.where, `must be one of ${verbs.join(', ')}, found ${shown(text)}; correct it`);
  return verb;
}

function readPath(report: Report, section: Section, context: MethodContext): string | undefined {
  const from = field(section, 'path');
  const path = readText(report, from);
  if (path === undefined) {
    if (isAbsent(from)) report.problem(from.where, 'is missing; write one that begins with "/"');
    return undefined;
  }
  checkPlaceholders(report, from.where, path, context);
  const trouble = pathTrouble(path);
  if (trouble === undefined) return path;
  report.problem(from.where, `${trouble}, found ${shown(path)}; correct it`);
  return undefined;
}

function pathTrouble(path: string): string | undefined {
  if (!path.startsWith('/') || path.startsWith('//')) return 'must begin with one "/"';
  if (/[\s\\#]/.test(path)) return 'must not have spaces, "\\" or "#"';
  if (/(^|\/)(\.|%2e){1,2}(\/|$|\?)/i.test(path)) return 'must not have "." or ".." as a part';
  if (/[{}]/.test(path.replace(/\{[A-Za-z_]\w*\}/g, '')))
    return 'has a "{" or "}" that is no part of a placeholder';
  return undefined;
}

function checkPlaceholders(report: Report, where: string, text: string, context: MethodContext): void {
  for (const name of placeholdersIn(text)) {
    if (!isPlaceholder(name)) {
      report.problem(
        where,
        `unknown placeholder {${name.slice(0, 40)}}; known are ${placeholders.join(', ')}${didYouMean(name, placeholders)}`,
      );
    } else if (name === 'ecommerce_segment_id' && !context.fetchEcommerceSegmentId) {
      report.problem(
        where,
        '{ecommerce_segment_id} is not known unless fetch_ecommerce_segment_id is true; set that or remove the placeholder',
      );
    }
  }
}

/** The body with its texts checked; it must be JSON. */
function readBody(report: Report, from: Field, context: MethodContext): unknown {
  if (from.value === undefined || from.value === null) return undefined;
  checkBody(report, from, context);
  return from.value;
}

function checkBody(report: Report, { where, value }: Field, context: MethodContext): void {
  if (value === unresolved || value === null || typeof value === 'boolean') return;
  if (typeof value === 'string') return checkPlaceholders(report, where, value, context);
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (Array.isArray(value)) {
    value.forEach((item: unknown, index) =>
      checkBody(report, { where: `${where}[${index}]`, value: item }, context),
    );
    return;
  }
  if (!isRecord(value)) {
    report.problem(where, `cannot be sent as JSON, found ${kindOf(value)}; put the value in quotes`);
    return;
  }
  for (const [key, item] of Object.entries(value))
    checkBody(report, { where: keyPath(where, key), value: item }, context);
}

function readStatuses(
  report: Report,
  from: Field,
  limits: { readonly min: number; readonly max: number; readonly default: readonly number[] },
): readonly number[] {
  if (isAbsent(from) || from.value === unresolved) return limits.default;
  const listed: readonly Field[] = Array.isArray(from.value)
    ? from.value.map((value: unknown, index) => ({ where: `${from.where}[${index}]`, value }))
    : [from];
  const statuses: number[] = [];
  for (const each of listed) {
    const status = readNumber(report, each, { ...limits, whole: true });
    if (status === 429) {
      report.problem(each.where, '429 means "try again later", and is; remove it');
    } else if (status !== undefined) {
      statuses.push(status);
    }
  }
  return statuses;
}
