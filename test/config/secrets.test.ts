import fc from 'fast-check';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeProblem } from '../../config/problem.ts';
import { configurationOf, lines, load, minimal } from './written-file.ts';

it('fills variables in anywhere in a text, and keeps $${ as a literal ${', async () => {
  const text = minimal('segment_workspace_slug: a-${ONE}-${TWO}-$${THREE}\nsegment_auth_token: $x{y}');
  const { thirdParties } = configurationOf(await load(text, { ONE: '1', TWO: '${ONE}' }));
  expect(thirdParties.segment).toEqual({ workspaceSlug: 'a-1-${ONE}-${THREE}', authToken: '$x{y}' });
});

it('names every unset variable with its key, and every ${ without a name', async () => {
  const text = minimal(
    'braze_api_key: ${A}${B}\nregistrar: {archive: [{x: "${C:-default}"}, "${", "${toString}"]}',
  );
  expect(lines(await load(text))).toEqual([
    'braze_api_key: the environment variable A is not set; set it, or write the value in place of ${A}',
    'braze_api_key: the environment variable B is not set; set it, or write the value in place of ${B}',
    'registrar.archive[0].x: has a "${" that no "NAME}" follows; write ${NAME} for a variable, or $${ for a literal ${',
    'registrar.archive[1]: has a "${" that no "NAME}" follows; write ${NAME} for a variable, or $${ for a literal ${',
    'registrar.archive[2]: the environment variable toString is not set; set it, or write the value in place of ${toString}',
    'registrar.archive: must be a mapping of keys, found a list; indent its keys below it',
  ]);
});

it('shows the variable and not its value where the value is wrong', async () => {
  const text = minimal('registrar: {lms_concurrency: "${N}"}').replace('https://lms.example', '${LMS_URL}');
  expect(lines(await load(text, { N: 'secret-number', LMS_URL: 'secret.place' }))).toEqual([
    'base_urls.lms: must be an absolute address, found "${LMS_URL}"; write it as https://host or http://host',
    'registrar.lms_concurrency: must be a whole number from 1 to 64, found "${N}"; correct it',
  ]);
});

it('takes a literal secret out of lines about other keys', async () => {
  const text = minimal('braze_api_key: brz-0123456789\nregistrar: {canary: brz-0123456789}');
  expect(lines(await load(text))).toEqual([
    'registrar.canary: must be true or false, found "(secret)"; write one of the two',
  ]);
});

it('has a digest that follows the text and the variables it uses, and nothing else', async () => {
  const text = minimal('hubspot_api_key: ${KEY}');
  const digest = async (content: string, env: Record<string, string>): Promise<string> =>
    configurationOf(await load(content, env)).digest;
  const first = await digest(text, { KEY: 'one', OTHER: 'x' });
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(await digest(text, { KEY: 'one', OTHER: 'y' })).toBe(first);
  expect(await digest(text, { KEY: 'two' })).not.toBe(first);
  expect(await digest(`${text}# a remark\n`, { KEY: 'one' })).not.toBe(first);
});

/** Marks that cannot appear in a message by chance. */
const SECRET = 'zq7Kx9Wv';

it('never shows a secret and never breaks a line, however the file is broken', async () => {
  const fixture = fileURLToPath(new URL('fixtures/large-site.yml', import.meta.url));
  const names = new Map<string, string>();
  const text = (await readFile(fixture, 'utf8')).replace(
    /(key|secret|token|password|value): '?\$\{(\w+)\}'?/gi,
    (_, key: string, name: string) => {
      const literal = names.size % 2 === 0;
      names.set(name, `${SECRET}-${name}`);
      return literal ? `${key}: ${SECRET}-${name}` : `${key}: '\${${name}}'`;
    },
  );
  const env = { LMS_CLIENT_ID: `${SECRET}-id`, LMS_CONCURRENCY: '4', ...Object.fromEntries(names) };
  const rows = text.split('\n');
  const breakage = fc.record({
    row: fc.nat({ max: rows.length - 1 }),
    kind: fc.constantFrom('drop', 'tab', 'indent', 'quote', 'bracket', 'number', 'list', 'mapping', 'double'),
  });
  let invalid = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(breakage, { minLength: 1, maxLength: 4 }), async (breakages) => {
      const broken = [...rows];
      for (const { row, kind } of breakages) broken[row] = broke(broken[row] ?? '', kind);
      const loaded = await load(broken.join('\n'), env);
      const found = [...lines(loaded), ...loaded.warnings.map(describeProblem)];
      if (loaded.kind === 'invalid') invalid++;
      for (const line of found) {
        expect(line).not.toContain(SECRET);
        expect(line).not.toMatch(/[\r\n]/);
        expect(line.length).toBeLessThan(500);
      }
    }),
    { numRuns: 200 },
  );
  expect(invalid).toBeGreaterThan(50);
});

function broke(row: string, kind: string): string {
  switch (kind) {
    case 'drop':
      return '';
    case 'tab':
      return `\t${row}`;
    case 'indent':
      return `   ${row}`;
    case 'quote':
      return `${row}"`;
    case 'bracket':
      return `${row}]`;
    case 'number':
      return row.replace(/: .*$/, ': 12');
    case 'list':
      return row.replace(/: (.+)$/, ': [$1]');
    case 'mapping':
      return row.replace(/: (.+)$/, ': {x: $1}');
    default:
      return `${row}\n${row}`;
  }
}
