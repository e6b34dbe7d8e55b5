import type { PartnerFile } from './partner-report.ts';

/**
 * The file as Open edX's own report writes it: a header row, Excel's CSV dialect (comma, CRLF, quotes only where needed), other
 * columns ignored, missing ones empty. Cells that begin with `=`, `+`, `-` or `@` are left as they are, since partners' programs
 * read them: whoever opens the file in a spreadsheet imports it as text.
 */
export function partnerFileText({ headings, rows }: PartnerFile): string {
  const lines = [
    headings,
    ...rows.map(({ cells }) =>
      headings.map((heading) => (Object.hasOwn(cells, heading) ? cells[heading] : undefined)),
    ),
  ];
  return lines.map((cells) => `${csvLine(cells.map(cellText))}\r\n`).join('');
}

/** `user_retirement_{platform}_`: how the names of a platform's reports begin. */
export function reportPrefix(platform: string): string {
  return `user_retirement_${platform}_`;
}

export const REPORT_SUFFIX = '.csv';

/**
 * The original's name of a report; `number` tells apart what would have the same one: 1 = the name as it is, then `_2`, `_3`, …
 */
export function reportName(named: {
  readonly platform: string;
  readonly partner: string;
  /** YYYY-MM-DD */
  readonly date: string;
  readonly number: number;
}): string {
  const { platform, partner, date, number } = named;
  return `${reportPrefix(platform)}${partner}_${date}${number === 1 ? '' : `_${number}`}${REPORT_SUFFIX}`;
}

/** Bytes; file systems take 255, and a store may put something in front. */
const LONGEST_PART = 100;

/** Why a name cannot be part of a file's name, or undefined when it can. */
export function nameTrouble(name: string): string | undefined {
  if (name.trim() === '') return 'is empty';
  if (name.includes('/')) return 'has a slash';
  if (/\p{Cc}/u.test(name)) return 'has a control character';
  return new TextEncoder().encode(name).length > LONGEST_PART
    ? `is longer than ${LONGEST_PART} bytes`
    : undefined;
}

function csvLine(cells: readonly string[]): string {
  // A line of one empty cell would be an empty line, which readers skip.
  if (cells.length === 1 && cells[0] === '') return '""';
  return cells.map(quoted).join(',');
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** As Python writes a value of JSON. */
function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return JSON.stringify(value);
}
