import { createHash } from 'node:crypto';

/** One way in which a text may stand in a file. */
export interface Form {
  /** `sha1 as hex of "…", UTF-16LE`; names the text, for the message of a test that fails. */
  readonly what: string;
  readonly bytes: Buffer;
}

/** Shorter ones would be found by chance. */
const SHORTEST_BYTES = 6;

/** The text as people, URLs, JSON and base64 write it, upper and lower case, in UTF-8 and both UTF-16. */
export function plainForms(text: string): readonly Form[] {
  return withoutRepeats(casesOf(text).flatMap((written) => spellings(written).flatMap(encoded)));
}

/** Digests of the text by which somebody who guesses the text could recognise it. */
export function hashForms(text: string): readonly Form[] {
  const forms = casesOf(text).flatMap((written) =>
    ['md5', 'sha1', 'sha256', 'sha512'].flatMap((algorithm) => {
      const digest = createHash(algorithm).update(written).digest();
      const hex = digest.toString('hex');
      return [
        ...[
          hex,
          hex.toUpperCase(),
          digest.toString('base64').replace(/=+$/, ''),
          digest.toString('base64url'),
        ]
          .map((value) => ({ what: `${algorithm} of "${written}"`, value }))
          .flatMap(encoded),
        { what: `${algorithm} of "${written}", raw bytes`, bytes: digest },
      ];
    }),
  );
  return withoutRepeats(forms);
}

function casesOf(text: string): readonly string[] {
  return [...new Set([text, text.toLowerCase(), text.toUpperCase()])].flatMap((written) => [
    ...new Set([written.normalize('NFC'), written.normalize('NFD')]),
  ]);
}

interface Spelling {
  readonly what: string;
  readonly value: string;
}

function spellings(text: string): readonly Spelling[] {
  const percent = encodeURIComponent(text);
  const hex = Buffer.from(text).toString('hex');
  return [
    { what: `"${text}"`, value: text },
    { what: `"${text}" percent-encoded`, value: percent },
    {
      what: `"${text}" percent-encoded in lower case`,
      value: percent.replace(/%../g, (code) => code.toLowerCase()),
    },
    { what: `"${text}" percent-encoded twice`, value: encodeURIComponent(percent) },
    { what: `"${text}" in a form`, value: new URLSearchParams({ t: text }).toString().slice(2) },
    { what: `"${text}" in ASCII JSON`, value: asciiJson(text) },
    { what: `"${text}" as hex`, value: hex },
    { what: `"${text}" as HEX`, value: hex.toUpperCase() },
    ...base64Inside(text),
  ];
}

function asciiJson(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The characters that base64 has for the text wherever it stands: its first byte may be any of three in a group. */
function base64Inside(text: string): readonly Spelling[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((lead) => {
    const whole = Buffer.concat([Buffer.alloc(lead), bytes]).toString('base64');
    // Groups that hold other bytes too are not the text's alone.
    const value = whole.slice(lead === 0 ? 0 : 4, Math.floor((lead + bytes.length) / 3) * 4);
    const what = `"${text}" as base64, shifted by ${lead}`;
    return [
      { what, value },
      { what: `${what}, for URLs`, value: value.replaceAll('+', '-').replaceAll('/', '_') },
    ];
  });
}

function encoded({ what, value }: Spelling): readonly Form[] {
  const littleEndian = Buffer.from(value, 'utf16le');
  return [
    { what, bytes: Buffer.from(value) },
    { what: `${what}, UTF-16LE`, bytes: littleEndian },
    { what: `${what}, UTF-16BE`, bytes: Buffer.from(littleEndian).swap16() },
  ];
}

function withoutRepeats(forms: readonly Form[]): readonly Form[] {
  const byBytes = new Map(forms.map((form) => [form.bytes.toString('latin1'), form]));
  return [...byBytes.values()].filter(({ bytes }) => bytes.length >= SHORTEST_BYTES);
}

/** What of `forms` is in `bytes`. One pass over the bytes, however many the forms. */
export function formsIn(bytes: Buffer, forms: readonly Form[]): readonly string[] {
  const byHead = new Map<number, Form[]>();
  const heads = new Uint8Array(1 << 24);
  for (const form of forms) {
    const head = headAt(form.bytes, 0);
    heads[head] = 1;
    byHead.set(head, [...(byHead.get(head) ?? []), form]);
  }
  const found = new Set<string>();
  for (let at = 0; at + SHORTEST_BYTES <= bytes.length; at += 1) {
    const head = headAt(bytes, at);
    if (heads[head] === 0) continue;
    for (const form of byHead.get(head) ?? []) {
      const end = at + form.bytes.length;
      if (end <= bytes.length && bytes.compare(form.bytes, 0, form.bytes.length, at, end) === 0) {
        found.add(form.what);
      }
    }
  }
  return [...found];
}

/** Three bytes as a number; nothing shorter is looked for. */
function headAt(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}
