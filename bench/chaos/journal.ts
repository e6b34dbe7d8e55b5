import { appendFileSync } from 'node:fs';

export interface Entry {
  /** Null for what follows from no step of the plan. */
  readonly step: number | null;
  /** Milliseconds since the run began. */
  readonly atMs: number;
  /** `kill worker-1`, `resume 17 by signal from prior` */
  readonly what: string;
  readonly outcome: string;
}

/** What was done when and what came of it: on stderr, in a file, and for the checks at the end. */
export interface Journal {
  note(step: number | null, what: string, outcome?: string): void;
  /** Milliseconds since the run began. */
  now(): number;
  readonly entries: readonly Entry[];
}

export function openJournal(file: string): Journal {
  const began = performance.now();
  const entries: Entry[] = [];
  const now = (): number => Math.round(performance.now() - began);
  return {
    now,
    entries,
    note: (step, what, outcome = '') => {
      const entry = { step, atMs: now(), what, outcome };
      entries.push(entry);
      const text = lineOf(entry);
      appendFileSync(file, text);
      process.stderr.write(text);
    },
  };
}

function lineOf({ step, atMs, what, outcome }: Entry): string {
  const place = step === null ? '      ' : `#${String(step).padEnd(5)}`;
  return `${(atMs / 1000).toFixed(3).padStart(9)} ${place} ${what}${outcome === '' ? '' : `: ${oneLine(outcome)}`}\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 300);
}
