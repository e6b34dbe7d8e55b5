import { describe, expect, it } from 'vitest';
import { nameTrouble, partnerFileText, reportName } from '../../../domain/retirement/partner-file.ts';
import {
  groupByPartner,
  readPartnerRow,
  unknownOrganisations,
  type PartnerReportRow,
} from '../../../domain/retirement/partner-report.ts';

function row(content: Readonly<Record<string, unknown>>): PartnerReportRow {
  const read = readPartnerRow({ user_id: 1, original_username: 'someone', ...content });
  if (read === undefined) throw new Error('the row cannot be read');
  return read;
}

const own = (org: string, ...field_headings: readonly string[]) => ({ org, field_headings });

describe('a row of the LMS', () => {
  it.each([
    null,
    'text',
    [],
    {},
    { user_id: 1 },
    { original_username: 'x' },
    { user_id: '1', original_username: 'x' },
    { user_id: 1, original_username: '' },
  ])('without id or name is unreadable: %j', (value) => {
    expect(readPartnerRow(value)).toBeUndefined();
  });

  it('has its organisations in NFKC, each once, without blanks and the placeholder', () => {
    const { organisations } = row({
      orgs: ['ﬁrst', 'first', ' ', '', 'outdated_entry', 'B'],
      orgs_config: [own('C', 'x')],
    });
    expect(organisations).toEqual(['first', 'B', 'C']);
  });

  it('has the time of its queueing as the time of the deletion', () => {
    expect(row({ created: '2026-01-05T10:00:00Z' }).cells).toMatchObject({
      deletion_completed: '2026-01-05T10:00:00Z',
    });
  });
});

describe('grouping', () => {
  const mapping = { A: ['One'], B: ['One', 'Two'], C: ['Three'] };
  const grouped = (rows: readonly PartnerReportRow[]) =>
    groupByPartner(rows, mapping).map(({ partner, headings, rows: members }) => [
      partner,
      headings.length === 5 ? 'default' : headings.join(),
      members.map(({ userId }) => userId).join(),
    ]);

  it('has a learner once with each partner', () => {
    expect(
      grouped([
        row({ user_id: 1, orgs: ['A', 'B'] }),
        row({ user_id: 2, orgs: ['B'] }),
        row({ user_id: 3, orgs: ['C', 'C'] }),
      ]),
    ).toEqual([
      ['One', 'default', '1,2'],
      ['Three', 'default', '3'],
      ['Two', 'default', '1,2'],
    ]);
  });

  it('gives columns of their own a file of their own, behind the default one', () => {
    const rows = [
      row({ user_id: 1, orgs: ['A', 'B'], orgs_config: [own('B', 'student_id')] }),
      row({ user_id: 2, orgs: ['A'] }),
      row({ user_id: 3, orgs: ['A'], orgs_config: [own('B', 'student_id')] }),
    ];
    expect(grouped(rows)).toEqual([
      ['One', 'default', '2'],
      ['One', 'student_id', '1,3'],
      ['Two', 'student_id', '1,3'],
    ]);
  });

  it('reports nobody to nobody', () => {
    expect(grouped([])).toEqual([]);
    expect(grouped([row({ orgs: [] })])).toEqual([]);
  });

  it('knows which organisations have no partner, also one that is called like something of JavaScript', () => {
    expect(unknownOrganisations(['B', 'Z', 'constructor', '__proto__', 'Z', ''], mapping)).toEqual([
      'Z',
      '__proto__',
      'constructor',
    ]);
  });
});

describe('a file', () => {
  const text = (headings: readonly string[], ...contents: readonly Readonly<Record<string, unknown>>[]) =>
    partnerFileText({ partner: 'One', headings, rows: contents.map(row) });

  // What Python's csv module writes for these.
  it.each([
    ['plain', 'plain'],
    ['', ''],
    [' spaces ', ' spaces '],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['two\rlines', '"two\rlines"'],
    ["it's; a\ttab", "it's; a\ttab"],
    ['=1+1', '=1+1'],
    ['-@+', '-@+'],
    ['Zoë 你好 😀', 'Zoë 你好 😀'],
    [17, '17'],
    [null, ''],
    [true, 'True'],
    [false, 'False'],
  ])('writes %j as %j', (value, written) => {
    expect(text(['x', 'y'], { x: value, y: 'end' })).toBe(`x,y\r\n${written},end\r\n`);
  });

  it('quotes an empty cell that is alone in its line, also in the header', () => {
    expect(text(['x'], { x: '' }, {}, { x: 'a' })).toBe('x\r\n""\r\n""\r\na\r\n');
  });

  it('leaves out other columns and leaves missing ones empty', () => {
    expect(text(['a', 'b,c'], { a: 1, other: 2 })).toBe('a,"b,c"\r\n1,\r\n');
  });

  it('has no cell from what every object has', () => {
    expect(text(['constructor', 'x'], { x: 1 })).toBe('constructor,x\r\n,1\r\n');
  });

  it('is called as the original calls it, with a number where a name is taken', () => {
    const named = { platform: 'edge', partner: 'Some One', date: '2026-11-22' };
    expect(reportName({ ...named, number: 1 })).toBe('user_retirement_edge_Some One_2026-11-22.csv');
    expect(reportName({ ...named, number: 2 })).toBe('user_retirement_edge_Some One_2026-11-22_2.csv');
  });

  it.each([
    ['Partner Ünï', undefined],
    ['', 'is empty'],
    ['a/b', 'has a slash'],
    ['a\nb', 'has a control character'],
    ['ü'.repeat(51), 'is longer than 100 bytes'],
  ])('can be named after %j: %s', (name, trouble) => {
    expect(nameTrouble(name)).toBe(trouble);
  });
});
