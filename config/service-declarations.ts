import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type {
  DeclaredMethod,
  DeclaredService,
  ModuleService,
  ServiceDeclaration,
} from '../domain/retirement/service-declaration.ts';
import { shown, type Report } from './problem.ts';
import {
  field,
  fieldsOf,
  isAbsent,
  isRecord,
  readFlag,
  readSection,
  readText,
  warnOfUnknownKeys,
  type Field,
  type Section,
} from './section.ts';
import { readServiceUrl } from './service-address.ts';
import { readAuth } from './service-auth.ts';
import { readMethod, type MethodContext } from './service-methods.ts';

export interface DeclarationContext extends MethodContext {
  /** Absolute path of the configuration; modules are named relative to its folder. */
  readonly path: string;
  /** Undefined while `base_urls.lms` is wrong. */
  readonly lmsUrl: string | undefined;
}

/** What pipeline rows may rely on: also the names of what is declared wrongly, so that no row is blamed for it. */
export interface Declarations {
  readonly services: Readonly<Record<string, ServiceDeclaration>>;
  /** Method names by service; undefined where only the module itself knows them. */
  readonly methodNames: ReadonlyMap<string, readonly string[] | undefined>;
}

const name = /^[A-Za-z]\w{0,59}$/;

/** Reads `registrar.services`. */
export function readServices(report: Report, from: Field, context: DeclarationContext): Declarations {
  const section = readSection(report, from, 'services by name');
  const services: Record<string, ServiceDeclaration> = {};
  const methodNames = new Map<string, readonly string[] | undefined>();
  for (const service of section === undefined ? [] : fieldsOf(section)) {
    if (service.key === 'LMS') {
      report.problem(
        service.where,
        'LMS is built in and cannot be declared; choose another name, or remove it',
      );
      continue;
    }
    if (!name.test(service.key)) {
      report.problem(
        service.where,
        'a service needs a name of letters, digits and "_" that begins with a letter; rename it',
      );
      continue;
    }
    methodNames.set(service.key, methodNamesOf(service));
    const declared = readService(report, service, context);
    if (declared !== undefined) services[service.key] = declared;
  }
  return { services, methodNames };
}

function methodNamesOf(service: Field): readonly string[] | undefined {
  if (!isRecord(service.value)) return undefined;
  const methods = field({ where: service.where, values: service.value }, 'methods').value;
  return isRecord(methods) ? Object.keys(methods) : undefined;
}

function readService(
  report: Report,
  from: Field,
  context: DeclarationContext,
): ServiceDeclaration | undefined {
  if (isAbsent(from)) report.problem(from.where, 'is empty; give it base_url and methods, or module');
  const section = readSection(report, from, 'base_url, auth and methods, or module');
  if (section === undefined) return undefined;
  warnOfUnknownKeys(report, section, ['base_url', 'auth', 'methods', 'module', 'allow_link_local']);
  const module = field(section, 'module');
  if (isAbsent(module)) return readHttpService(report, section, context);
  if (['base_url', 'auth', 'methods', 'allow_link_local'].some((key) => !isAbsent(field(section, key)))) {
    report.problem(
      section.where,
      'has both module and base_url, auth, methods or allow_link_local; keep one of the two forms',
    );
    return undefined;
  }
  return readModule(report, module, context);
}

function readHttpService(
  report: Report,
  section: Section,
  context: DeclarationContext,
): DeclaredService | undefined {
  const baseUrlField = field(section, 'base_url');
  if (isAbsent(baseUrlField))
    report.problem(baseUrlField.where, 'is missing; write the address of the service, or use module');
  const allowLinkLocal = readFlag(report, field(section, 'allow_link_local')) ?? false;
  const baseUrl = readServiceUrl(report, baseUrlField, { allowLinkLocal });
  const auth = readAuth(report, field(section, 'auth'), { lmsUrl: context.lmsUrl, allowLinkLocal });
  const methods = readMethods(report, field(section, 'methods'), context);
  if (baseUrl === undefined || auth === undefined || methods === undefined) return undefined;
  return { kind: 'http', baseUrl, auth, methods, ...(allowLinkLocal && { allowLinkLocal }) };
}

function readMethods(
  report: Report,
  from: Field,
  context: DeclarationContext,
): Readonly<Record<string, DeclaredMethod>> | undefined {
  const section = readSection(report, from, 'methods by name');
  if (isAbsent(from) || (section !== undefined && Object.keys(section.values).length === 0)) {
    report.problem(
      from.where,
      'has no method; declare one, such as retire_learner: {verb: POST, path: /retire/}',
    );
  }
  if (section === undefined) return undefined;
  const methods: Record<string, DeclaredMethod> = {};
  for (const method of fieldsOf(section)) {
    if (!name.test(method.key)) {
      report.problem(
        method.where,
        'a method needs a name of letters, digits and "_" that begins with a letter; rename it',
      );
      continue;
    }
    const declared = readMethod(report, method, context);
    if (declared !== undefined) methods[method.key] = declared;
  }
  return methods;
}

function readModule(report: Report, from: Field, context: DeclarationContext): ModuleService | undefined {
  const text = readText(report, from);
  if (text === undefined) return undefined;
  if (!/\.(js|mjs|cjs)$/.test(text)) {
    report.problem(
      from.where,
      `must name a JavaScript file (.js, .mjs or .cjs), found ${shown(text)}; correct it`,
    );
    return undefined;
  }
  const path = resolve(dirname(context.path), text);
  if (isFile(path)) return { kind: 'module', path };
  report.problem(
    from.where,
    `no such file ${shown(text)} in the folder of the configuration; create it or correct the path`,
  );
  return undefined;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Missing, out of reach or with an impossible name: to the operator it is one mistake.
    return false;
  }
}
