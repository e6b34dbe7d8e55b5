import type { Command } from 'commander';
import type { Output } from '../output.ts';
import { instantText } from '../times.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { receiptContextOf } from './context.ts';
import { replayReceipts, type Replayed } from './replay.ts';
import { collected } from './repeated-option.ts';
import { chainEndText } from './walk.ts';

interface Asked {
  readonly key?: readonly string[];
  readonly trust?: readonly string[];
  readonly dryRun?: boolean;
}

/** Adds `registrar receipts replay`. */
export function addReplayCommand(receipts: Command, run: Run): void {
  receipts
    .command('replay')
    .argument('<FILE>', 'a file that `registrar receipts export` wrote after the backup was made')
    .option('--dry-run', 'check the file and say what would be done; changes nothing')
    .option(
      '--key <KEY>',
      'whose signatures count besides our own: a key id or a PEM file; may be repeated',
      collected,
    )
    .option(
      '--trust <KEY_ID>',
      'an earlier key in the file, whose receipts count before those of the others; may be repeated',
      collected,
    )
    .description(
      'after a backup was restored: put back the receipts that are newer, and erase again whom they erased',
    )
    .addHelpText(
      'after',
      [
        '',
        'Run it before any worker starts: a receipt that is issued meanwhile takes the place of one in the file. Run it again',
        'when the retirements are through: it then says of everybody whether they were erased once more.',
        examples(
          'registrar receipts replay receipts.jsonl --dry-run',
          'registrar receipts replay receipts.jsonl',
        ),
      ].join('\n'),
    )
    .action((file: string, asked: Asked, command: Command) =>
      run(command, (tools) => replay(tools, file, asked)),
    );
}

async function replay({ session, output, progress }: Tools, file: string, asked: Asked): Promise<number> {
  const context = { ...receiptContextOf(session), temporal: () => session.temporal() };
  const replayed = await progress.counting('erasing again', (erasing) =>
    replayReceipts(context, file, {
      keys: asked.key ?? [],
      earlier: asked.trust ?? [],
      isDryRun: asked.dryRun === true,
      watch: erasing,
    }),
  );
  output.document(replayed);
  return print(output, file, replayed);
}

/** Returns the exit status: 1 when somebody, or the queue, has to be seen to. */
function print(output: Output, path: string, replayed: Replayed): number {
  const { isDryRun, before, file, receipts, keys, people, takenIn, lookedAfter, queueTrouble } = replayed;
  const exported = file.exportedAt === null ? '' : `, exported at ${instantText(file.exportedAt)}`;
  output.line(`${path} holds${exported}; its chain ends at ${chainEndText(file)}`);
  if (receipts === 0) {
    output.line(`Nothing is missing here: the chain ends at ${chainEndText(before)}`);
  } else {
    output.line(
      `${receipts} ${receipts === 1 ? 'receipt' : 'receipts'} ${putBackText(isDryRun, receipts)} behind receipt ${before.lastSequence}`,
    );
  }
  if (keys.length > 0) output.line(`Keys put back, their public parts: ${keys.join(', ')}`);
  if (takenIn > 0) output.line(`${takenIn} learners of the LMS's queue taken in, who were not in the backup`);
  if (lookedAfter > 0)
    output.line(`${lookedAfter} rows looked after whose learners are in the LMS's queue no more`);
  for (const [outcome, what] of outcomes) {
    const count = people.filter((person) => person.outcome === outcome).length;
    if (count > 0) output.line(`${count} ${what}`);
  }
  if (isDryRun && people.length > 0)
    output.line(`LMS user ids: ${people.map(({ userId }) => userId).join(', ')}`);
  const left = people.filter(({ outcome }) => outcome === 'left');
  for (const { userId, message } of left) output.notice(`registrar: LMS user ${userId}: ${message}`);
  if (queueTrouble !== null) output.notice(`registrar: ${queueTrouble}`);
  return left.length === 0 && queueTrouble === null ? 0 : 1;
}

function putBackText(isDryRun: boolean, receipts: number): string {
  if (isDryRun) return 'would be put back';
  return receipts === 1 ? 'is put back' : 'are put back';
}

const outcomes = [
  ['wanted', 'would go through all stages again'],
  ['begun', 'begun: they go through all stages again'],
  ['under-way', 'under way: they go through all stages again'],
  ['erased', 'erased once more since'],
  ['left', 'for you to see to'],
] as const;
