import {
  isAlias,
  isCollection,
  isNode,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type ErrorCode,
  type YAMLError,
} from 'yaml';
import type { Report } from './problem.ts';
import { pyYamlTags, withoutDates } from './yaml-scalars.ts';

/** More aliases than this, all told, are an attack and not a configuration. */
const MAX_ALIAS_COUNT = 100;

/**
 * Reads one YAML document by the rules of PyYAML's safe loader, so that Open edX files mean here what they mean there.
 * Integers come as bigint, dates as Date unless `datesAsText`: a Date has lost its time zone, and 31 February has become
 * 3 March in it. Undefined after a mistake that hides the rest of the file; a duplicate key is
 * reported and the rest read on. The library's own messages quote the text, which may be a secret: ours do not.
 */
export function readYaml(
  text: string,
  report: Report,
  { datesAsText = false }: { readonly datesAsText?: boolean } = {},
): unknown {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    schema: 'yaml-1.1',
    customTags: datesAsText ? (tags) => withoutDates(pyYamlTags(tags)) : pyYamlTags,
    intAsBigInt: true,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  const [document, second] = [...documents];
  if (document === undefined) return undefined;

  const slips = document.errors.filter((error) => error.code === 'DUPLICATE_KEY');
  const broken = document.errors.find((error) => error.code !== 'DUPLICATE_KEY') ?? document.warnings[0];
  if (broken !== undefined) {
    report.problem(place(broken.pos[0]), explain(broken));
    return undefined;
  }
  for (const slip of slips) {
    report.problem(place(slip.pos[0]), `${keyAt(text, slip.pos[0])} is there twice; keep one of them`);
  }
  if (second !== undefined) {
    report.problem(
      place(second.range[0]),
      'a second document begins (after ---); keep one document in the file',
    );
    return undefined;
  }
  const odd = findOddKey(document);
  if (odd !== undefined) {
    report.problem(
      place(odd),
      'a list or a mapping stands where the name of a key belongs; write the name alone before the colon',
    );
    return undefined;
  }
  const dangling = findDanglingAlias(document);
  if (dangling !== undefined) {
    report.problem(
      place(dangling),
      'an alias (*name) names nothing that was defined before it; define &name first or put the text in quotes',
    );
    return undefined;
  }
  return toPlain(document, report);
}

function toPlain(document: Document, report: Report): unknown {
  try {
    const plain: unknown = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
    return plain ?? undefined;
  } catch {
    report.problem(
      '',
      `the file uses aliases (*name) more than ${MAX_ALIAS_COUNT} times over; write the values out`,
    );
    return undefined;
  }
}

/** Where a key is no plain value: as a text it would hold everything that stands in it. */
function findOddKey(document: Document): number | undefined {
  let found: number | undefined;
  visit(document, {
    Pair: (_, { key }) => {
      if (!isCollection(isAlias(key) ? key.resolve(document) : key)) return undefined;
      found = isNode(key) ? (key.range?.[0] ?? 0) : 0;
      return visit.BREAK;
    },
  });
  return found;
}

function findDanglingAlias(document: Document): number | undefined {
  let found: number | undefined;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      found = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return found;
}

function keyAt(text: string, offset: number): string {
  const key = /^["']?([\w.-]{1,60})["']?\s*:/.exec(text.slice(offset, offset + 80))?.[1];
  return key === undefined ? 'a key' : `the key ${key}`;
}

const explanations: Readonly<Partial<Record<ErrorCode, string>>> = {
  TAB_AS_INDENT: 'a tab is used for indentation; use spaces',
  BAD_INDENT:
    'the indentation does not fit the lines above; start the keys of one mapping in the same column',
  BLOCK_AS_IMPLICIT_KEY:
    'a value and a new key are mixed up here; indent the next line like its neighbours, or put a value that holds ": " in quotes',
  MULTILINE_IMPLICIT_KEY:
    'there is no "key: value" here; add the missing colon and a space after it, or correct the indentation',
  MISSING_CHAR:
    'something is missing here, such as a colon, a comma or the space after "-"; compare with the lines around it',
  BAD_SCALAR_START: 'a value may not begin with this character; put the value in quotes',
  BAD_DQ_ESCAPE: 'an escape (\\) that YAML does not know; write \\\\ for a backslash, or use single quotes',
  BAD_ALIAS: 'an alias (*) or anchor (&) has no name; put the value in quotes',
  TAG_RESOLVE_FAILED:
    'a tag (!name) that is not allowed in a configuration; remove it, or put the value in quotes',
  RESOURCE_EXHAUSTION: 'lists or mappings are nested too deeply from here on; write them flatter',
  UNEXPECTED_TOKEN: 'something is here that does not belong; look for a stray bracket, quote or comma',
};

function explain(error: YAMLError): string {
  // The library tells these two apart in its message only.
  if (error.code === 'BAD_INDENT' && error.message.startsWith('Flow')) {
    return 'a [ or { that was opened before is not closed; add the missing ] or }';
  }
  if (error.code === 'MISSING_CHAR' && error.message.includes('quote')) {
    return 'a quoted text that was opened before is not closed; add the missing quote';
  }
  return explanations[error.code] ?? 'this is not valid YAML; compare with the lines around it';
}
