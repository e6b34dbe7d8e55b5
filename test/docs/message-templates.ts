import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** A message as the sources write it, with `…` for whatever is put in. */
export interface MessageTemplate {
  readonly text: string;
  /** `client/session.ts:41` */
  readonly where: string;
}

/** Which argument of which function is a message for people, by its place. */
export interface MessageSource {
  readonly folder: string;
  readonly calls: Readonly<Record<string, number>>;
  /** Fields of object literals whose value is one. */
  readonly fields?: readonly string[];
  /** Functions whose answers are. */
  readonly answers?: readonly string[];
  /** Constants that are objects of them. */
  readonly tables?: readonly string[];
}

/** Every message in the sources below `root`, as {@link MessageSource} tells where they stand. */
export function listMessages(root: string, sources: readonly MessageSource[]): readonly MessageTemplate[] {
  const constants = readConstants(root);
  return sources.flatMap((source) =>
    filesOf(path.join(root, source.folder)).flatMap((file) => messagesIn(file, { root, source, constants })),
  );
}

/** Texts by the names of constants: those in capitals of all files, all others of one. */
type Constants = ReadonlyMap<string, readonly ts.Expression[]>;

function filesOf(where: string): readonly string[] {
  if (where.endsWith('.ts')) return [where];
  return readdirSync(where, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
}

const FOLDERS = [
  'activities',
  'bin',
  'client',
  'config',
  'db',
  'domain',
  'platform',
  'receipts',
  'stack',
  'worker',
  'workflows',
];

/** Constants in capitals: a message of another file may be made of them. */
function readConstants(root: string): Constants {
  const files = FOLDERS.flatMap((folder) => filesOf(path.join(root, folder)));
  return new Map(
    files.flatMap((file) => [...constantsOf(parse(file))].filter(([name]) => /^[A-Z]/.test(name))),
  );
}

function constantsOf(tree: ts.SourceFile): Constants {
  const found = new Map<string, readonly ts.Expression[]>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined) {
      const { text } = node.name;
      if (isText(node.initializer)) found.set(text, [...(found.get(text) ?? []), node.initializer]);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function isText(node: ts.Expression): boolean {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    (ts.isConditionalExpression(node) && (isText(node.whenTrue) || isText(node.whenFalse)))
  );
}

function messagesIn(
  file: string,
  { root, source, constants }: { root: string; source: MessageSource; constants: Constants },
): readonly MessageTemplate[] {
  const tree = parse(file);
  const own = constantsOf(tree);
  const found: MessageTemplate[] = [];
  const add = (node: ts.Expression | undefined): void => {
    if (node === undefined) return;
    const { line } = tree.getLineAndCharacterOfPosition(node.getStart());
    const where = `${path.relative(root, file)}:${line + 1}`;
    const whole = ts.isIdentifier(node) ? (own.get(node.text) ?? [node]) : [node];
    for (const text of whole.flatMap((one) => textsOf(one, constants))) found.push({ text, where });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const place = source.calls[nameOf(node.expression)];
      if (place !== undefined) add(node.arguments?.[place]);
    }
    if (
      ts.isPropertyAssignment(node) &&
      ts.isIdentifier(node.name) &&
      source.fields?.includes(node.name.text)
    ) {
      add(node.initializer);
    }
    if (ts.isShorthandPropertyAssignment(node) && source.fields?.includes(node.name.text)) add(node.name);
    if (ts.isVariableDeclaration(node) && source.tables?.includes(nameOf(node.name))) {
      for (const entry of entriesOf(node.initializer)) add(entry);
    }
    if (ts.isFunctionLike(node) && source.answers?.includes(nameOf(node.name))) {
      for (const answer of answersOf(node)) add(answer);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function nameOf(node: ts.Node | undefined): string {
  if (node === undefined) return '';
  if (ts.isIdentifier(node)) return node.text;
  return ts.isPropertyAccessExpression(node) ? node.name.text : '';
}

function entriesOf(table: ts.Expression | undefined): readonly ts.Expression[] {
  if (table === undefined || !ts.isObjectLiteralExpression(table)) return [];
  return table.properties.flatMap((entry) => (ts.isPropertyAssignment(entry) ? [entry.initializer] : []));
}

function answersOf(node: ts.Node): readonly ts.Expression[] {
  const found: ts.Expression[] = [];
  const visit = (child: ts.Node): void => {
    if (ts.isReturnStatement(child) && child.expression !== undefined) found.push(child.expression);
    ts.forEachChild(child, visit);
  };
  ts.forEachChild(node, visit);
  return found;
}

const PUT_IN = '…';

/** Every text that an expression may be; those that are all put in say nothing. */
function textsOf(node: ts.Expression, constants: Constants): readonly string[] {
  return variantsOf(node, constants)
    .map((text) =>
      text
        .replace(/\s+/g, ' ')
        .replace(/…(?: ?…)+/g, PUT_IN)
        .trim(),
    )
    .filter((text) => /[a-z]{2}.* /i.test(text));
}

/** Beyond this many, a text is rather many put-in parts. */
const MOST_VARIANTS = 4;

function variantsOf(node: ts.Expression, constants: Constants): readonly string[] {
  if (ts.isParenthesizedExpression(node)) return variantsOf(node.expression, constants);
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isConditionalExpression(node)) {
    return [...variantsOf(node.whenTrue, constants), ...variantsOf(node.whenFalse, constants)];
  }
  if (ts.isTemplateExpression(node)) {
    const parts = node.templateSpans.map((span) => ({
      put: variantsIn(span.expression, constants),
      after: span.literal.text,
    }));
    return parts.reduce<readonly string[]>(
      (texts, { put, after }) => {
        const all = texts.flatMap((text) => put.map((one) => text + one + after));
        return all.length > MOST_VARIANTS ? texts.map((text) => text + PUT_IN + after) : all;
      },
      [node.head.text],
    );
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const right = variantsIn(node.right, constants);
    return variantsIn(node.left, constants).flatMap((left) => right.map((more) => left + more));
  }
  if (ts.isArrayLiteralExpression(node)) {
    return node.elements.flatMap((element) => variantsOf(element, constants));
  }
  if (ts.isCallExpression(node) && nameOf(node.expression) === 'join') {
    const joined = ts.isPropertyAccessExpression(node.expression) ? node.expression.expression : undefined;
    return joined === undefined ? [PUT_IN] : variantsOf(joined, constants);
  }
  if (ts.isIdentifier(node)) {
    const [constant] = constants.get(node.text) ?? [];
    if (constant !== undefined && /^[A-Z]/.test(node.text)) return variantsOf(constant, constants);
  }
  return [PUT_IN];
}

/** What stands inside of a text: a choice of words is spelled out, everything else is put in. */
function variantsIn(node: ts.Expression, constants: Constants): readonly string[] {
  if (ts.isConditionalExpression(node) && !isText(node)) return [PUT_IN];
  return variantsOf(node, constants);
}
