import type { Pool } from 'pg';
import { listRows, type Statement } from '../shell/statements.ts';

/** Where a page of contributions starts: at this very revision. */
export interface ContributionCursor {
  /** Undefined where only one user is asked for. */
  readonly actorId: string | undefined;
  readonly at: Date;
  readonly revisionId: string;
}

export interface ContributionQuery {
  readonly names: readonly string[];
  readonly direction: 'older' | 'newer';
  readonly from: Date | undefined;
  readonly until: Date | undefined;
  readonly namespaces: readonly number[] | undefined;
  /** Undefined: both kinds. */
  readonly isNew: boolean | undefined;
  readonly isTop: boolean | undefined;
  readonly tag: string | undefined;
  readonly start: ContributionCursor | undefined;
  readonly limit: number;
}

export interface Contribution {
  readonly actorId: string;
  readonly user: string;
  readonly pageId: number;
  readonly revisionId: number;
  readonly parentId: number;
  readonly ns: number;
  readonly title: string;
  readonly at: Date;
  readonly isTop: boolean;
  readonly length: number;
  readonly sizediff: number;
  readonly tags: readonly string[];
  readonly isTextHidden: boolean;
  readonly isSuppressed: boolean;
}

/**
 * All users in one statement, by actor, then time, then revision, as MediaWiki orders them. The comparison with the cursor
 * is what a continuation means there too; without one the cursor lies before everything.
 */
function contributions(direction: 'older' | 'newer'): Statement {
  const [order, reached] = direction === 'older' ? ['desc', '<='] : ['asc', '>='];
  return {
    name: `contributions-${direction}`,
    text: `
      select r.actor_id as "actorId", a.name as "user", r.page_id::float8 as "pageId", r.id::float8 as "revisionId",
        r.parent_id::float8 as "parentId", p.namespace as ns, p.title, r.at, r.id = p.latest_id as "isTop", r.length,
        r.sizediff, r.tags, r.text_hidden as "isTextHidden", r.suppressed as "isSuppressed"
      from revisions r
      join actors a on a.id = r.actor_id
      join pages p on p.id = r.page_id
      where r.actor_id = any($1::bigint[])
        and r.at >= $2::timestamptz and r.at <= $3::timestamptz
        and (r.actor_id, r.at, r.id) ${reached} ($4::bigint, $5::timestamptz, $6::bigint)
        and not r.user_hidden
        and ($7::integer[] is null or p.namespace = any($7::integer[]))
        and ($8::boolean is null or (r.parent_id = 0) = $8::boolean)
        and ($9::boolean is null or (r.id = p.latest_id) = $9::boolean)
        and ($10::text is null or $10::text = any(r.tags))
      order by r.actor_id ${order}, r.at ${order}, r.id ${order}
      limit $11::integer`,
  };
}

const statements = { older: contributions('older'), newer: contributions('newer') };

const actorIds: Statement = {
  name: 'actor-ids',
  text: 'select id from actors where name = any($1::text[]) order by id',
};

const beforeEverything = {
  older: { actorId: '9223372036854775807', at: 'infinity', revisionId: '9223372036854775807' },
  newer: { actorId: '0', at: '-infinity', revisionId: '0' },
} as const;

/** `from` and `until` are inclusive and in the query's direction, so for `older` `from` is the later one. */
export async function listContributions(
  pool: Pool,
  query: ContributionQuery,
): Promise<readonly Contribution[]> {
  const actors = await listRows<{ id: string }>(pool, actorIds, [query.names]);
  const [first] = actors;
  if (first === undefined) return [];
  const isOlder = query.direction === 'older';
  const [earliest, latest] = isOlder ? [query.until, query.from] : [query.from, query.until];
  const start = query.start ?? beforeEverything[query.direction];
  return listRows<Contribution>(pool, statements[query.direction], [
    actors.map((actor) => actor.id),
    earliest ?? '-infinity',
    latest ?? 'infinity',
    start.actorId ?? first.id,
    start.at,
    start.revisionId,
    query.namespaces ?? null,
    query.isNew ?? null,
    query.isTop ?? null,
    query.tag ?? null,
    query.limit,
  ]);
}
