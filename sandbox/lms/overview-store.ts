import type { Pool } from 'pg';
import { listRows, oneRow, type Statement } from '../shell/statements.ts';

const stateCounts: Statement = {
  name: 'state-counts',
  text: `
    select coalesce(json_agg(json_build_object('name', s.state_name, 'learners', s.learners) order by s.rank), '[]')
      as states
    from (
      select c.state_name, c.state_execution_order as rank, count(*) as learners
      from retirements r join retirement_states c on c.id = r.current_state
      group by c.state_name, c.state_execution_order) s`,
};

/** How many learners are in each state that has any, in the LMS's order. */
export async function listStateCounts(
  pool: Pool,
): Promise<readonly { readonly name: string; readonly learners: number }[]> {
  const row = await oneRow<{ states: { name: string; learners: number }[] }>(pool, stateCounts, []);
  return row.states;
}

const newest: Statement = {
  name: 'newest-learners',
  text: `
    select u.id::integer, u.known_as as original_username, u.username, u.email, c.state_name as state
    from retirements r
    join users u on u.id = r.user_id
    join retirement_states c on c.id = r.current_state
    order by r.id desc limit 200`,
};

export interface ListedLearner {
  readonly id: number;
  readonly original_username: string;
  readonly username: string;
  readonly email: string;
  readonly state: string;
}

export async function listNewestLearners(pool: Pool): Promise<readonly ListedLearner[]> {
  return listRows<ListedLearner>(pool, newest, []);
}
