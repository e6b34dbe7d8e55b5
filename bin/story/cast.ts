import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { SandboxControl } from '../../sandbox/control/client.ts';

/** What the story wants of a learner. */
export type Role = 'ordinary' | 'cancelled' | 'errored';

export interface Player {
  readonly role: Role;
  readonly userId: number;
  readonly username: string;
  readonly email: string;
}

/** The learners of a story, written down so that a story that was broken off goes on with the same ones. */
export type Cast = readonly Player[];

const ORDINARY = 12;
const DAY_MS = 86_400_000;

/** The cast in `file`, or a new one that asks the LMS for deletion: most of them long ago, one just now. */
export async function castOf(
  file: string,
  lms: SandboxControl,
  now: Date,
): Promise<{ readonly cast: Cast; readonly fresh: boolean }> {
  if (existsSync(file)) return { cast: JSON.parse(readFileSync(file, 'utf8')) as Cast, fresh: false };
  const series = now.getTime().toString(36);
  const wanted = Array.from({ length: ORDINARY + 2 }, (_, index) => {
    const role: Role = index === ORDINARY ? 'cancelled' : index === ORDINARY + 1 ? 'errored' : 'ordinary';
    const askedDaysAgo = role === 'cancelled' ? 0 : 8 + index;
    return {
      role,
      username: `learner-${index + 1}-${series}`,
      email: `learner-${index + 1}-${series}@example.com`,
      name: `Learner ${index + 1}`,
      requested_at: new Date(now.getTime() - askedDaysAgo * DAY_MS).toISOString(),
    };
  });
  const learners = wanted.map(({ role: _, ...learner }) => learner);
  const created = (await lms('POST', '/_sandbox/learners', learners)) as readonly {
    readonly user_id: number;
  }[];
  const cast = wanted.map(({ role, username, email }, index) => {
    const learner = created[index];
    if (learner === undefined) throw new Error('the sandbox LMS created fewer learners than asked for');
    return { role, userId: learner.user_id, username, email };
  });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(cast, null, 2), { mode: 0o600 });
  renameSync(draft, file);
  return { cast, fresh: true };
}
