import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { registrar } from '../client/command-line.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }));

interface WrittenCommand {
  readonly page: string;
  readonly words: readonly string[];
}

/** Blocks of code, by fences or by four spaces, and code within a line. */
function codeIn(text: string): readonly string[] {
  const fenced = [...text.matchAll(/^```[^\n]*\n(.*?)^```/gms)].map(([, code = '']) => code);
  const rest = text.replace(/^```[^\n]*\n.*?^```/gms, '');
  const indented = [...rest.matchAll(/^ {4}(.*)$/gm)].map(([, code = '']) => code);
  const inline = [...rest.matchAll(/(`+)([^`].*?)\1(?!`)/g)].map(([, , code = '']) => code);
  return [...fenced, ...indented, ...inline];
}

/** Where a command begins: alone, behind what starts it, or quoted in a message. In other places `registrar` is a name. */
const WRITTEN =
  /(?:^ *|`|npx |--rm |-- |\$\(|&& |[;|] |bin\/|-u registrar )registrar((?: +(?:"[^"\n]*"|[^\s`#|>;&()]+))+)/gm;

/** What follows `registrar`, up to where the shell, a sentence or a comment goes on. */
function commandsIn({ name, text }: (typeof pages)[number]): readonly WrittenCommand[] {
  return codeIn(text)
    .map((code) => code.replaceAll('\\\n', ' '))
    .flatMap((code) => [...code.matchAll(WRITTEN)])
    .map(([, words = '']) => ({
      page: name,
      words: (words.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/[,:.]$/, '')),
    }));
}

const helps = new Map<string, Promise<string>>();
const helpOf = (command: readonly string[]): Promise<string> => {
  const name = command.join(' ');
  const known = helps.get(name) ?? registrar([...command, '--help']).then(({ stdout }) => stdout);
  helps.set(name, known);
  return known;
};

/** Commands below one, by its help. */
async function childrenOf(command: readonly string[]): Promise<readonly string[]> {
  const list = /\nCommands:\n((?: {2}.*\n?)+)/.exec(await helpOf(command))?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, child = '']) => child)
    .filter((child) => child !== 'help');
}

/** Why the help does not know what was written; undefined when it does. */
async function faultOf({ words }: WrittenCommand): Promise<string | undefined> {
  let command: readonly string[] = [];
  for (const word of words) {
    const children = await childrenOf(command);
    if (children.length === 0) break;
    if (/^(?:--help|--version|…)$/.test(word)) return undefined;
    if (!children.includes(word)) return `no command "${[...command, word].join(' ')}"`;
    command = [...command, word];
  }
  const help = await helpOf(command);
  const flags = words.slice(command.length).filter((word) => /^--[a-z]/.test(word));
  const unknown = flags
    .map((flag) => flag.replace(/=.*/, ''))
    .find((flag) => !new RegExp(`${flag}(?![\\w-])`).test(help));
  return unknown === undefined ? undefined : `"${command.join(' ')}" has no ${unknown}`;
}

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .replace(/`|\*|\[|\]\([^)]*\)/g, '')
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number} _-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsIn(text: string): ReadonlySet<string> {
  const plain = text.replace(/^```.*?^```/gms, '');
  return new Set([...plain.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading)));
}

/** Why a relative link leads nowhere. */
function linkFault(page: string, link: string): string | undefined {
  const [where = '', anchor] = link.split('#');
  const target = where === '' ? path.join(root, page) : path.join(root, path.dirname(page), where);
  if (!existsSync(target)) return `${link}: no such file`;
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  return anchorsIn(readFileSync(target, 'utf8')).has(anchor) ? undefined : `${link}: no such heading`;
}

describe.each(pages)('$name', (page) => {
  it('has only commands and options that there are', async () => {
    const faults = await Promise.all(commandsIn(page).map(faultOf));
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it('has only links that lead somewhere', () => {
    const links = [...page.text.matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.map((link) => linkFault(page.name, link)).filter((fault) => fault !== undefined)).toEqual(
      [],
    );
  });
});

describe('the search for commands', () => {
  const inText = (text: string): readonly (readonly string[])[] =>
    commandsIn({ name: 'a page', text }).map(({ words }) => words);

  it('finds them in blocks and in lines, and sees what is wrong', async () => {
    expect(inText('    npx registrar retirement list --state ERRORED | head # all')).toEqual([
      ['retirement', 'list', '--state', 'ERRORED'],
    ]);
    expect(inText('Run ``say `registrar setup` again`` and `registrar doctor --offline your.yml`.')).toEqual([
      ['setup'],
      ['doctor', '--offline', 'your.yml'],
    ]);
    expect(await faultOf({ page: '', words: ['retirement', 'lsit'] })).toBe('no command "retirement lsit"');
    expect(await faultOf({ page: '', words: ['retirement', 'list', '--overdu'] })).toContain('no --overdu');
    expect(linkFault('README.md', 'docs/nothing.md')).toContain('no such file');
    expect(linkFault('README.md', '#nothing')).toContain('no such heading');
  });

  it('finds them on the pages', () => {
    expect(pages.flatMap(commandsIn).length).toBeGreaterThan(60);
  });
});
