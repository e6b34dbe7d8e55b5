import type { Invariant } from './scene.ts';
import { isErased, readStandings } from './standings.ts';

/** Nobody who was erased is in the statistics any more. */
export const statisticsForgot: Invariant = async (scene) => {
  const erased = (await readStandings(scene)).filter(isErased).map(({ learner }) => learner.userId);
  const { rows } = await scene.database.query<{ id: number; courses: number }>(
    `select users.lms_user_id as id,
       (select count(*) from article_course_user_wiki_timeslices as facts where facts.user_id = users.id) as courses
     from users where lms_user_id = any($1::bigint[]) order by 1`,
    [erased],
  );
  return rows.map(
    ({ id, courses }) =>
      `LMS user ${id} was erased and is still among the users of the statistics, with ${courses} facts`,
  );
};
