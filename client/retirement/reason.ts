import { wrongUsage } from '../operation-error.ts';

interface Named {
  readonly originalUsername: string;
  readonly originalEmail: string;
  readonly originalName: string;
}

/**
 * Throws when a reason names one of the learners, or holds any e-mail address: it goes into Temporal's history, from where
 * nothing can be erased. Names are looked for as whole words, so that a learner called `ed` does not forbid `failed`.
 */
export function refuseIdentity(reason: string | undefined, learners: readonly Named[]): void {
  if (reason === undefined) return;
  const named = learners.some(({ originalUsername, originalEmail, originalName }) =>
    [originalUsername, originalEmail, originalName].some((identity) => holdsWord(reason, identity)),
  );
  if (!named && !/\S@\S/.test(reason)) return;
  throw wrongUsage(
    'the reason names the learner or holds an e-mail address, and Temporal would keep it for ever: say it without',
  );
}

function holdsWord(text: string, word: string): boolean {
  const [hay, needle] = [plain(text), plain(word)];
  if (needle === '') return false;
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, at + 1)) {
    const [before, after] = [hay.slice(0, at), hay.slice(at + needle.length)];
    if (!/[\p{L}\p{N}]$/u.test(before) && !/^[\p{L}\p{N}]/u.test(after)) return true;
  }
  return false;
}

function plain(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}
