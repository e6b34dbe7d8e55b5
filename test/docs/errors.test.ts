import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { listMessages } from './message-templates.ts';
import { messageSources } from './message-sources.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(path.join(root, 'docs/errors.md'), 'utf8');

/** What begins a line of a list, in as many backticks as it needs. */
const ENTRY = /^- (`+)( ?)(.*?)\2\1(?: — (.*))?$/gm;

const entries = [...page.matchAll(ENTRY)].map(([whole, , , message = '', remedy]) => ({
  whole,
  message,
  remedy,
}));
const messages = listMessages(root, messageSources);

describe('docs/errors.md', () => {
  it('has every message of the sources', () => {
    const told = new Set(entries.map(({ message }) => message));
    const missing = messages.filter(({ text }) => !told.has(text));
    expect(missing.map(({ text, where }) => `${where}: ${text}`)).toEqual([]);
  });

  it('has no message that the sources lack', () => {
    const known = new Set(messages.map(({ text }) => text));
    expect(entries.filter(({ message }) => !known.has(message)).map(({ message }) => message)).toEqual([]);
  });

  it('has each message once', () => {
    const seen = entries.map(({ message }) => message);
    expect(seen.filter((message, index) => seen.indexOf(message) !== index)).toEqual([]);
  });

  it('has a remedy for each: behind it, or in the paragraph above its list', () => {
    const blocks = page.split('\n\n');
    const bare = blocks.flatMap((block, index) =>
      block.startsWith('- `') && !isRemedy(blocks[index - 1] ?? '') ? block.split('\n') : [],
    );
    expect(bare.filter((line) => entryIn(line)?.remedy === undefined)).toEqual([]);
  });

  it('explains every type of a failure', () => {
    const source = readFileSync(path.join(root, 'activities/failures.ts'), 'utf8');
    const types = [...source.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, type = '']) => type);
    expect(types.length).toBeGreaterThan(10);
    expect(types.filter((type) => !page.includes(`| \`${type}\``))).toEqual([]);
  });
});

describe('the search for messages', () => {
  it('finds what is thrown, answered and chosen between', () => {
    const texts = messages.map(({ text }) => text);
    for (const text of [
      'resume whom? Name a learner, or say --all-errored --stage START_STATE',
      'its body was altered, or made up: neither its hash nor its signature fits',
      'the first stage of the retirement has begun, and what is erased cannot be given back',
      'must be true or false, found …; write one of the two',
    ]) {
      expect(texts).toContain(text);
    }
    expect(messages.length).toBeGreaterThan(300);
  });
});

/** A paragraph that says what to do, and not only whose list it is: `**Files**: correct the path …:`. */
function isRemedy(paragraph: string): boolean {
  return paragraph.endsWith(':') && !/^\*\*[^*]+\*\*(?!:)/.test(paragraph);
}

function entryIn(line: string): (typeof entries)[number] | undefined {
  return entries.find(({ whole }) => whole === line);
}
