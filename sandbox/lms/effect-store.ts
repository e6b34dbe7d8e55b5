import type { Pool } from 'pg';
import { findRow, listRows, type Statement } from '../shell/statements.ts';

const effects: Statement = {
  name: 'effects',
  text: `
    select coalesce(json_object_agg(e.action, json_build_object('called', e.called, 'effective', e.effective)
      order by e.action) filter (where e.action is not null), '{}')::text as effects
    from users u left join effects e on e.user_id = u.id
    where u.known_as = $1::text
    group by u.id`,
};

/** `{"POST /api/…": {"called": n, "effective": m}}` as JSON text, by original username. */
export async function findEffects(pool: Pool, username: string): Promise<string | undefined> {
  return (await findRow<{ effects: string }>(pool, effects, [username]))?.effects;
}

const countCall: Statement = {
  name: 'count-call',
  text: `
    insert into effects as e (user_id, action, called, effective)
    select u.id, $3::text, 1, 0 from users u where u.known_as = $1::text or u.id = $2::bigint
    on conflict (user_id, action) do update set called = e.called + 1`,
};

/** Counts a call that a fault kept from doing anything. */
export async function countIneffectiveCall(
  pool: Pool,
  call: { readonly username: string | null; readonly userId: number | null; readonly action: string },
): Promise<void> {
  await listRows(pool, countCall, [call.username, call.userId, call.action]);
}
