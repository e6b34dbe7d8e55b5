import { findRetirement } from '../../activities/retirement/store.ts';
import type { CourseClient } from '../../client/course/client.ts';
import type { ReceiptContext } from '../../client/receipts/context.ts';
import { verifyPerson } from '../../client/receipts/verify.ts';
import type { RetirementClient } from '../../client/retirement/client.ts';
import type { Database } from '../../db/database.ts';
import { createSandboxControl } from '../../sandbox/control/client.ts';
import { chapterOf, SLUG, students, type Chapter } from './course-story.ts';
import { waitFor } from './waiting.ts';

export interface ErasureStoryOptions {
  readonly retirements: RetirementClient;
  readonly courses: CourseClient;
  readonly database: Database;
  readonly configuration: ReceiptContext['configuration'];
  readonly lmsUrl: string;
  readonly tell: (line: string) => void;
}

/** How an erasure ended that reaches a course, and its proof. */
export interface Erasure {
  readonly userId: number;
  readonly state: string;
  /** Place of its receipt in the chain; 0 without one. */
  readonly receipt: number;
  readonly receiptsInChain: number;
  /** Empty when all held. */
  readonly wrong: string;
}

/** The wiki's user who is a learner too, and asks for deletion. */
const erased = students[7] ?? '';
const DAY_MS = 86_400_000;

/**
 * Plays the end of the story: a student of the course is a learner who asks to be deleted. The retirement takes them out of the
 * course, whose numbers are compared with a rebuild, and its receipt is verified.
 */
export async function playErasureStory(
  options: ErasureStoryOptions,
): Promise<{ readonly erasure: Erasure; readonly chapter: Chapter }> {
  const { retirements, courses, database, lmsUrl, tell } = options;
  const username = `student-${Date.now().toString(36)}`;
  const [learner] = (await createSandboxControl(lmsUrl)('POST', '/_sandbox/learners', [
    {
      username,
      email: `${username}@example.com`,
      name: 'A student of the course',
      requested_at: new Date(Date.now() - 10 * DAY_MS).toISOString(),
    },
  ])) as readonly { readonly user_id: number }[];
  const userId = learner?.user_id ?? 0;
  await courses.link(erased, userId);
  const before = await courses.show(SLUG);
  tell(`LMS user ${userId}, who is one of the course's ${before.userCount} students, asks for deletion`);

  await retirements.start(username);
  const row = await waitFor(`LMS user ${userId} to be COMPLETE`, async () => {
    const found = await findRetirement(database, userId);
    return found?.currentState === 'COMPLETE' || found?.currentState === 'ERRORED' ? found : undefined;
  });
  tell(`LMS user ${userId} is ${row.currentState}, and the course's numbers were rebuilt without them`);
  const chapter = await chapterOf(options, 'one student erased', 0);
  const { configuration } = options;
  // By the address: it is in no receipt, and still found.
  const proof = await verifyPerson({ database, configuration }, row.originalEmail, {
    watch: () => undefined,
  });
  const [sequence = 0] = proof.erasures.map(({ receipt }) => receipt).slice(-1);
  tell(`receipt ${sequence} of the chain's ${proof.chain.receipts} proves it`);
  const wrong = [
    row.currentState === 'COMPLETE' ? '' : `the retirement is ${row.currentState}`,
    chapter.students === before.userCount - 1 ? '' : 'the student is still counted',
    (await isNamed(database)) ? 'the statistics still name the student' : '',
    proof.holds ? '' : `${proof.findings.length} findings about the receipts`,
  ];
  return {
    erasure: {
      userId,
      state: row.currentState,
      receipt: sequence,
      receiptsInChain: proof.chain.receipts,
      wrong: wrong.filter(Boolean).join('; '),
    },
    chapter,
  };
}

async function isNamed(database: Database): Promise<boolean> {
  const { rows } = await database.query('select 1 from users where username = $1', [erased]);
  return rows.length > 0;
}
