import { knownServices, type KnownMethod } from '../domain/retirement/catalogue.ts';
import type { Pipeline, Stage } from '../domain/retirement/pipeline.ts';
import { isTerminal, MAX_STATE_NAME_LENGTH, PENDING } from '../domain/retirement/states.ts';
import { didYouMean } from './closest.ts';
import { kindOf, shown, type Report } from './problem.ts';
import { isAbsent, readList, type Field } from './section.ts';
import { unresolved } from './substitution.ts';

const shape = '[start_state, end_state, service, method]';

export interface PipelineContext {
  /** Method names of the services that the file declares; undefined where only a module knows them. */
  readonly declared: ReadonlyMap<string, readonly string[] | undefined>;
  /** The keys that a built-in service needs and the file lacks. */
  readonly missingKeys: (service: string) => readonly string[];
}

/** Reads `retirement_pipeline`: every mistake is one line, and the rows that are right are returned. */
export function readPipeline(report: Report, from: Field, context: PipelineContext): Pipeline {
  if (isAbsent(from)) report.problem(from.where, `is missing; list the stages, each as ${shape}`);
  const rows = readList(report, from, `stages, each as ${shape}`) ?? [];
  if (Array.isArray(from.value) && rows.length === 0) {
    report.problem(from.where, `is empty; list the stages, each as ${shape}`);
  }
  const seen = new Map<string, string>();
  const needy = new Set<string>();
  let renamedIn: string | undefined;
  return rows.flatMap((row) => {
    const cells = readCells(report, row);
    if (cells === undefined) return [];
    checkState(report, row.where, cells.startState, 'start', seen);
    checkState(report, row.where, cells.endState, 'end', seen);
    checkService(report, row.where, cells, context, needy);
    if (renamedIn !== undefined && cells.service === 'LMS') warnOfOldName(report, row.where, renamedIn);
    if (cells.service === 'LMS' && cells.method === RENAMING) renamedIn = row.where;
    const { startState, endState, service, method } = cells;
    const whole =
      startState !== undefined && endState !== undefined && service !== undefined && method !== undefined;
    return whole ? [{ startState, endState, service, method }] : [];
  });
}

/** Replaces the learner's username and address by the retired ones. */
const RENAMING = 'retirement_lms_retire';

/** The LMS still knows the retirement by the old name, but some of what belongs to the learner only by the account's own. */
function warnOfOldName(report: Report, where: string, renamedIn: string): void {
  report.warning(
    where,
    `stands behind ${RENAMING} (${renamedIn}), after which the LMS finds no account of the old name and may say "done" with everything still there (unenroll does); move that row behind all others of LMS`,
  );
}

/** A row's texts; those that are wrong, and reported, are undefined. */
type Cells = { readonly [K in keyof Stage]: string | undefined };

function readCells(report: Report, row: Field): Cells | undefined {
  if (row.value === unresolved) return undefined;
  if (!Array.isArray(row.value)) {
    report.problem(
      row.where,
      `must be a list of 4 texts ${shape}, found ${kindOf(row.value)}; correct the row`,
    );
    return undefined;
  }
  const cells: readonly unknown[] = row.value;
  if (cells.length !== 4) {
    const found = cells.map((cell) => (cell === unresolved ? '?' : shown(cell))).join(', ');
    report.problem(row.where, `has ${cells.length} elements but needs 4, ${shape}; found [${found}]`);
    return undefined;
  }
  const [startState, endState, service, method] = cells.map((value, index) =>
    readCell(report, { where: `${row.where}[${index}]`, value }),
  );
  return { startState, endState, service, method };
}

function readCell(report: Report, { where, value }: Field): string | undefined {
  if (value === unresolved) return undefined;
  if (typeof value !== 'string') {
    report.problem(where, `must be text, found ${kindOf(value)}; put it in quotes`);
    return undefined;
  }
  if (value.trim() === '') {
    report.problem(where, `is empty; a row needs 4 texts ${shape}`);
    return undefined;
  }
  if (value.trim() !== value) {
    report.problem(where, `has spaces around ${shown(value.trim())}; remove them`);
    return undefined;
  }
  return value;
}

function checkState(
  report: Report,
  where: string,
  state: string | undefined,
  position: 'start' | 'end',
  seen: Map<string, string>,
): void {
  if (state === undefined) return;
  if (state === PENDING || isTerminal(state)) {
    report.problem(
      where,
      `${state} is the platform's own state and cannot be a stage's ${position} state; name another`,
    );
    return;
  }
  const length = [...state].length;
  if (length > MAX_STATE_NAME_LENGTH) {
    report.problem(
      where,
      `${position} state ${shown(state)} has ${length} characters but the LMS keeps ${MAX_STATE_NAME_LENGTH}; shorten it`,
    );
  }
  if (position === 'start' && state.endsWith('_COMPLETE')) {
    report.problem(
      where,
      `start state ${shown(state)} ends in _COMPLETE, and in such states the LMS refuses to act; name it like RETIRING_…`,
    );
  }
  const first = seen.get(state);
  if (first !== undefined) {
    const place = first === where ? 'in the same row' : `in ${first}`;
    report.problem(
      where,
      `${position} state ${shown(state)} is used already ${place}; every state may appear once`,
    );
    return;
  }
  seen.set(state, where);
}

function checkService(
  report: Report,
  where: string,
  cells: Cells,
  context: PipelineContext,
  needy: Set<string>,
): void {
  const { service, method } = cells;
  if (service === undefined) return;
  if (context.declared.has(service)) {
    const methods = context.declared.get(service);
    if (method === undefined || methods === undefined || methods.includes(method)) return;
    report.problem(where, unknownMethod(service, method, methods));
    return;
  }
  const builtIn = Object.hasOwn(knownServices, service) ? knownServices[service] : undefined;
  if (builtIn === undefined) {
    report.problem(where, unknownService(service, context));
    return;
  }
  if (method === undefined) return;
  const known: KnownMethod | undefined = Object.hasOwn(builtIn, method) ? builtIn[method] : undefined;
  if (known === undefined) {
    report.problem(where, unknownMethod(service, method, workingMethods(builtIn)));
  } else if (known.kind === 'gone') {
    report.problem(where, `${service}.${method} no longer works: ${known.instead}`);
  } else if (!needy.has(service)) {
    needy.add(service);
    const missing = context.missingKeys(service);
    if (missing.length > 0) {
      report.problem(
        where,
        `service ${service} needs ${missing.join(' and ')}; set ${missing.length > 1 ? 'them' : 'it'} or remove the row`,
      );
    }
  }
}

function unknownService(service: string, context: PipelineContext): string {
  const builtIn = Object.keys(knownServices).filter(
    (name) => workingMethods(knownServices[name] ?? {}).length > 0,
  );
  const names = [...new Set([...builtIn, ...context.declared.keys()])];
  const hint = didYouMean(service, names);
  return `unknown service ${shown(service)}; known are ${names.join(', ')}, and what registrar.services declares${hint}`;
}

function unknownMethod(service: string, method: string, methods: readonly string[]): string {
  // A service that has nothing left names nothing; its gone methods explain themselves.
  const known = methods.length === 0 ? 'it has none; remove the row' : `it has ${methods.join(', ')}`;
  return `service ${service} has no method ${shown(method)}; ${known}${didYouMean(method, methods)}`;
}

function workingMethods(methods: Readonly<Record<string, KnownMethod>>): readonly string[] {
  return Object.keys(methods).filter((name) => methods[name]?.kind === 'works');
}
