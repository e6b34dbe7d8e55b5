import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { retirementWorkflowId } from '../../../workflows/retirement/contract.ts';
import { MARKS } from '../cast.ts';
import { filesBelow } from './delivered-files.ts';
import type { InvariantName } from './index.ts';
import type { Scene } from './scene.ts';
import { isErased, readStandings, type Standing } from './standings.ts';

/** Something that must not happen, done on purpose: the invariant has to see it. */
export interface Break {
  readonly invariant: InvariantName;
  /** Answers what was broken. Throws when the scene has nothing to break so. */
  readonly apply: (scene: Scene) => Promise<string>;
}

const NOBODYS_QUEUE = 'a-queue-without-workers';

const complete = ({ row }: Standing): boolean => row?.currentState === 'COMPLETE';
const aborted = ({ row }: Standing): boolean => row?.currentState === 'ABORTED';
const errored = ({ row }: Standing): boolean => row?.currentState === 'ERRORED';

/** By name, as `--break` takes it. */
export const breaks: Readonly<Record<string, Break>> = {
  'learner-forgotten-half-way': {
    invariant: 'learners-settled',
    apply: (scene) =>
      toRow(
        scene,
        complete,
        `update user_retirement_status set current_state = 'FORUMS_COMPLETE' where user_id = $1`,
      ),
  },
  'parked-run-lost': {
    invariant: 'learners-settled',
    apply: async (scene) => {
      const { learner } = await someone(scene, errored);
      await scene.client.workflow
        .getHandle(retirementWorkflowId(learner.userId))
        .terminate('broken on purpose');
      return `the parked workflow of LMS user ${learner.userId} is gone`;
    },
  },
  'stage-after-cancel': {
    invariant: 'cancelled-untouched',
    apply: (scene) =>
      toLms(
        scene,
        aborted,
        `insert into sandbox_lms.effects (user_id, action, called, effective)
         values ($1, 'POST /api/edxnotes/v1/retire_user/', 1, 1)`,
      ),
  },
  'effect-twice': {
    invariant: 'effects-once',
    apply: (scene) =>
      toLms(
        scene,
        isErased,
        `update sandbox_lms.effects set effective = effective + 1, called = called + 1
         where user_id = $1 and action = 'POST /api/edxnotes/v1/retire_user/'`,
      ),
  },
  'effect-missing': {
    invariant: 'effects-once',
    apply: (scene) =>
      toLms(
        scene,
        isErased,
        `delete from sandbox_lms.effects where user_id = $1 and action like 'POST %/retire_forum/'`,
      ),
  },
  'third-party-twice': {
    invariant: 'effects-once',
    apply: async (scene) => {
      const { learner } = await someone(scene, isErased);
      scene.thirdParty.miscount(learner.userId);
      return `the third party forgot LMS user ${learner.userId} once more`;
    },
  },
  'called-too-often': {
    invariant: 'effects-once',
    apply: (scene) =>
      toLms(
        scene,
        isErased,
        `update sandbox_lms.effects set called = called + 10000
         where user_id = $1 and action = 'POST /api/user/v1/accounts/retire_misc/'`,
      ),
  },
  'stage-dropped': {
    invariant: 'stages-in-order',
    apply: (scene) =>
      toRow(
        scene,
        complete,
        `update user_retirement_status set completed_stages = array_remove(completed_stages, 'NOTES_COMPLETE')
         where user_id = $1`,
      ),
  },
  'stage-jumped': {
    invariant: 'stages-in-order',
    apply: (scene) =>
      toLms(
        scene,
        ({ lms }) => lms.state !== null,
        `update sandbox_lms.retirements set responses = responses ||
           E'\\n Moved from PENDING (step 1) to RETIRING_NOTES (step 131):\\nbroken on purpose\\n' where user_id = $1`,
      ),
  },
  'workflow-failed': {
    invariant: 'workflows-sound',
    apply: async ({ client }) => {
      const handle = await client.workflow.start('noSuchWorkflow', {
        workflowId: 'broken-on-purpose',
        taskQueue: NOBODYS_QUEUE,
        args: [],
      });
      await handle.terminate('broken on purpose');
      return 'a workflow was terminated';
    },
  },
  'workflow-hangs': {
    invariant: 'workflows-sound',
    apply: async ({ client }) => {
      await client.workflow.start('courseUpdate', {
        workflowId: 'broken-on-purpose-hanging',
        taskQueue: NOBODYS_QUEUE,
        args: [{ courseId: 1 }],
      });
      return 'a workflow waits on a task queue without workers';
    },
  },
  'number-changed': {
    invariant: 'courses-rebuilt',
    apply: async ({ database }) => {
      await database.query(
        'update courses set character_sum = character_sum + 1, article_count = article_count + 1',
      );
      return 'the totals of the courses are off by one';
    },
  },
  'mark-left': {
    invariant: 'nothing-marked',
    apply: async ({ database }) => {
      await database.query('update courses set needs_update = true where id = (select min(id) from courses)');
      return 'a course is marked for a rebuild';
    },
  },
  'receipt-altered': {
    invariant: 'receipts-chain',
    apply: async ({ database }) => {
      await database.query(
        `update erasure_receipts set body = replace(body, '"erased"', '"already-done"')
         where sequence = (select min(sequence) from erasure_receipts where kind = 'erasure')`,
      );
      return 'the first receipt says something else';
    },
  },
  'receipt-removed': {
    invariant: 'receipts-chain',
    apply: async ({ database }) => {
      await database.query(
        'delete from erasure_receipts where sequence = (select max(sequence) from erasure_receipts)',
      );
      return 'the last receipt is gone';
    },
  },
  'reported-twice': {
    invariant: 'reports-once',
    apply: async ({ deliveredFolder }) =>
      changeFile(path.join(deliveredFolder, 'partner-reports'), '.csv', (bytes) => {
        const text = bytes.toString('utf8');
        return Buffer.from(`${text}${text.split('\r\n')[1] ?? ''}\r\n`);
      }),
  },
  'report-lost': {
    invariant: 'reports-once',
    apply: async ({ deliveredFolder }) =>
      changeFile(path.join(deliveredFolder, 'partner-reports'), '.csv', (bytes) =>
        Buffer.from(`${bytes.toString('utf8').split('\r\n')[0] ?? ''}\r\n`),
      ),
  },
  'archived-twice': {
    invariant: 'archived-once',
    apply: async ({ deliveredFolder }) =>
      changeFile(path.join(deliveredFolder, 'archive'), '.gz', (bytes) =>
        gzipSync(Buffer.concat([gunzipSync(bytes), gunzipSync(bytes)])),
      ),
  },
  'archive-lost': {
    invariant: 'archived-once',
    apply: async ({ deliveredFolder }) =>
      changeFile(path.join(deliveredFolder, 'archive'), '.gz', () => gzipSync('')),
  },
  'statistics-remember': {
    invariant: 'statistics-forgot',
    apply: async (scene) => {
      const { learner } = await someone(scene, isErased);
      await scene.database.query(
        `insert into users (username, lms_user_id) values ('somebody', $1::bigint)`,
        [learner.userId],
      );
      return `LMS user ${learner.userId} is among the users of the statistics`;
    },
  },
  'name-in-a-memo': {
    invariant: 'nobody-named',
    apply: async ({ client }) => {
      const handle = await client.workflow.start('noSuchWorkflow', {
        workflowId: 'broken-on-purpose-naming',
        taskQueue: NOBODYS_QUEUE,
        args: [],
        memo: { learner: `${MARKS[0]}-1` },
      });
      await handle.terminate();
      return 'a memo names somebody';
    },
  },
};

async function someone(scene: Scene, isMeant: (standing: Standing) => boolean): Promise<Standing> {
  const found = (await readStandings(scene)).find(isMeant);
  if (found === undefined) throw new Error('the scene has nobody on whom to show this');
  return found;
}

async function toRow(
  scene: Scene,
  isMeant: (standing: Standing) => boolean,
  statement: string,
): Promise<string> {
  const { learner } = await someone(scene, isMeant);
  await scene.database.query(statement, [learner.userId]);
  return `our row of LMS user ${learner.userId} was changed`;
}

async function toLms(
  scene: Scene,
  isMeant: (standing: Standing) => boolean,
  statement: string,
): Promise<string> {
  const { learner } = await someone(scene, isMeant);
  await scene.outside.query(statement, [learner.userId]);
  return `what the LMS knows of LMS user ${learner.userId} was changed`;
}

function changeFile(folder: string, suffix: string, change: (bytes: Buffer) => Buffer): string {
  const file = filesBelow(folder).find((name) => name.endsWith(suffix));
  if (file === undefined) throw new Error(`the scene has no delivered ${suffix} to change`);
  writeFileSync(file, change(readFileSync(file)));
  return `${path.basename(file)} was changed`;
}
