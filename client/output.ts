import Table from 'cli-table3';
import { styleText } from 'node:util';
import { plainText } from './plain-text.ts';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

export type Colour = 'red' | 'green' | 'yellow' | 'bold' | 'dim';

/** What a command says: to people in lines and tables, to scripts as one JSON document. */
export interface Output {
  readonly json: boolean;
  readonly isTerminal: boolean;
  /** A line for people; nothing with `--json`. */
  line(text?: string): void;
  /** A table for people; nothing with `--json`. */
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void;
  /** The document for scripts; nothing without `--json`. Call it once. */
  document(value: unknown): void;
  /** Text as it is, whether or not `--json` was given. */
  raw(text: string): void;
  /** One line on standard error, beside whatever goes to standard output. */
  notice(text: string): void;
  /** The text in a colour where the terminal has colours. */
  paint(colour: Colour, text: string): string;
}

/** Anything that takes text: a stream, or a test's collector. */
interface TextSink {
  write(text: string): unknown;
}

export interface OutputOptions {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly json: boolean;
  readonly isTerminal: boolean;
  readonly colours: boolean;
}

const noLines = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '',
  'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ',
}; // prettier-ignore

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, json, isTerminal } = options;
  const paint: Output['paint'] = (colour, text) =>
    options.colours && !json ? styleText(colour, text, { validateStream: false }) : text;
  return {
    json,
    isTerminal,
    line: (text = '') => {
      if (!json) stdout.write(`${plainText(text)}\n`);
    },
    table: (rows, columns) => {
      if (json) return;
      const table = new Table({
        head: columns.map((column) => paint('bold', column.head)),
        colAligns: columns.map((column) => column.align ?? 'left'),
        chars: noLines,
        style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
      });
      table.push(...rows.map((row) => columns.map((column) => plainText(column.cell(row)))));
      for (const text of table.toString().split('\n')) stdout.write(`${text.trimEnd()}\n`);
    },
    document: (value) => {
      if (json) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
    raw: (text) => void stdout.write(text),
    notice: (text) => void stderr.write(`${plainText(text)}\n`),
    paint,
  };
}
