/**
 * Tables that grow with learners, articles or edits: nothing may hold them for as long as it takes to read them whole. All others have
 * a handful of rows, or one for each course.
 */
const bigTables = new Set([
  ...['user_retirement_status', 'erasure_receipts', 'archived_retirements', 'partner_reported_learners'],
  ...['users', 'courses_users', 'articles', 'articles_courses', 'revision_references'],
  ...['course_wiki_timeslices', 'course_user_wiki_timeslices', 'article_course_timeslices'],
  ...['article_course_user_wiki_timeslices', 'course_user_wiki_cursors'],
  ...['wiki_fetches', 'wiki_fetched_facts', 'wiki_fetched_pages'],
]);

export interface Surroundings {
  /** True when workers of the release before name this table or column. */
  readonly isNamed: (name: string) => boolean;
}

/** What one statement, or one action of an `alter table`, breaks; undefined when nothing. `made`: tables of the same migration. */
type Rule = (
  text: string,
  on: Surroundings & { readonly table: string; readonly isNew: boolean },
) => string | undefined;

const NAME = String.raw`(?:if (?:not )?exists )?(?:only )?(?:public\.)?"?(\w+)"?`;

function found(pattern: string, text: string): string | undefined {
  return new RegExp(`^${pattern}`).exec(text)?.[1];
}

const statementRules: readonly Rule[] = [
  (text, { isNamed }) => {
    const name = found(`drop (?:table|view|materialized view|type|function|sequence) ${NAME}`, text);
    return name !== undefined && isNamed(name)
      ? `drops ${name}, which workers of the release before use: stop using it in this release, drop it in the next`
      : undefined;
  },
  (text) =>
    /^(set|reset) .*\b(lock_timeout|statement_timeout)\b/.test(text)
      ? 'changes a time-out that `setup` sets, so that workers never stand still for long'
      : undefined,
  (text) =>
    /^(lock|truncate|vacuum|cluster|reindex)\b/.test(text)
      ? `${text.split(' ')[0] ?? ''} holds a table while workers need it`
      : undefined,
  (text) => {
    const table = found(`(?:update|delete from) ${NAME}`, text);
    return table !== undefined && bigTables.has(table)
      ? `changes the rows of ${table} in one transaction, which locks them all: do it by pieces from a worker`
      : undefined;
  },
  (text) =>
    /\bconcurrently\b/.test(text)
      ? '`concurrently` cannot run in a transaction, and each migration is one'
      : undefined,
];

const indexRule: Rule = (text, { table, isNew }) =>
  /^create (unique )?index/.test(text) && !isNew && bigTables.has(table)
    ? `builds an index on ${table} while nobody can write there: build it outside of the migrations first`
    : undefined;

const actionRules: readonly Rule[] = [
  (action, { isNamed, table }) => {
    const column = found(`drop (?:column )?${NAME}`, action);
    if (column === undefined || /^drop (constraint|identity|expression)/.test(action)) return undefined;
    return isNamed(column)
      ? `drops ${table}.${column}, which workers of the release before use: stop using it in this release, drop it in the next`
      : undefined;
  },
  (action, { table }) =>
    /^rename (?!constraint)/.test(action)
      ? `renames ${table} or a column of it: add the new one, write both, and drop the old one in the next release`
      : undefined,
  (action, { table }) =>
    /^alter (column )?\w+ (set data )?type/.test(action)
      ? `changes the type of a column of ${table}, which writes the table anew: add another column`
      : undefined,
  (action, { table }) =>
    /^alter (column )?\w+ set not null/.test(action)
      ? `demands a column of ${table} that workers of the release before may leave out: demand it in the next release, by a check that is not valid at first`
      : undefined,
  (action, { table }) =>
    /^alter (column )?\w+ drop default/.test(action)
      ? `takes away a default of ${table} on which workers of the release before rely`
      : undefined,
  (action, { table }) =>
    /^add (?!constraint|primary|unique|check|foreign|exclude)/.test(action) &&
    /\bnot null\b/.test(action) &&
    !/\bdefault\b|\bgenerated\b/.test(action)
      ? `adds a column to ${table} that workers of the release before do not fill: give it a default`
      : undefined,
  (action, { table }) =>
    /^add .*(\bdefault (clock_timestamp|random|gen_random_uuid|nextval)|\bserial\b|\bbigserial\b|\bgenerated\b)/.test(
      action,
    )
      ? `adds a column whose value differs from row to row, which writes ${table} anew: add it without, and fill it by pieces`
      : undefined,
  (action, { table }) =>
    /^add .*(\bunique\b|\bprimary key\b|\bexclude\b)/.test(action) && bigTables.has(table)
      ? `builds an index on ${table} while nobody can write there: build it outside of the migrations first`
      : undefined,
  (action, { table }) =>
    /^add (constraint \w+ )?(check|foreign key)/.test(action) && !/\bnot valid$/.test(action)
      ? `reads all of ${table} under a lock: add the constraint \`not valid\`, and validate it in a migration of its own`
      : undefined,
];

/** What a migration would do to workers of the release before that run meanwhile; empty: nothing. */
export function breachesOf(migration: string, surroundings: Surroundings): readonly string[] {
  const statements = statementsOf(migration);
  const made = new Set(statements.map((text) => found(`create (?:unlogged )?table ${NAME}`, text)));
  return statements.flatMap((text) => {
    const table =
      found(`alter table ${NAME}`, text) ??
      found(String.raw`create (?:unique )?index (?:if not exists )?(?:\w+ )?on ${NAME}`, text) ??
      '';
    const on = { ...surroundings, table, isNew: made.has(table) };
    const actions = /^alter table/.test(text) && !on.isNew ? actionsOf(text) : [];
    return [
      ...[...statementRules, indexRule].flatMap((rule) => rule(text, on) ?? []),
      ...actions.flatMap((action) => actionRules.flatMap((rule) => rule(action, on) ?? [])),
    ];
  });
}

/** In small letters with single spaces, without comments and without bodies of functions and texts. */
function statementsOf(migration: string): readonly string[] {
  return migration
    .replace(/(\$\w*\$)[\s\S]*?\1/g, "''")
    .replace(/'(?:[^']|'')*'/g, "''")
    .replace(/--.*$/gm, '')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .toLowerCase()
    .split(';')
    .map((text) => text.replace(/\s+/g, ' ').trim())
    .filter((text) => text !== '');
}

/** The parts of an `alter table`, which stand between commas that are in no parentheses. */
function actionsOf(text: string): readonly string[] {
  const rest = text.replace(new RegExp(`^alter table ${NAME} `), '');
  const actions = [''];
  let depth = 0;
  for (const character of rest) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ',' && depth === 0) actions.push('');
    else actions.push(`${actions.pop() ?? ''}${character}`);
  }
  return actions.map((action) => action.trim());
}
