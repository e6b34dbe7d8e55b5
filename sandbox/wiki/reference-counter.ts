import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import { plainBodyOf } from '../shell/bodies.ts';
import { listRows } from '../shell/statements.ts';

const MOST_REVISIONS = 50;

const revisionId = z.int().min(1);
const askedSchema = z.object({ rev_ids: z.array(revisionId).min(1).max(MOST_REVISIONS) });

/** By `project/language`: the schema of the sandbox wiki whose revisions are counted, where it is not this one. */
export type CountedSchemas = Readonly<Record<string, string>>;

type Count = { readonly num_ref: number } | { readonly num_ref: null; readonly error: 'no content' };

/**
 * The reference counter, a service beside the wiki: `POST /api/v1/references/:project/:language` with up to 50 `rev_ids`,
 * and `GET …/:revision` for one. A revision whose text is hidden or whose page is deleted has `no content`; an id that
 * never was is absent from the answer.
 */
export function addReferenceCounter(app: FastifyInstance, pool: Pool, counted: CountedSchemas): void {
  app.post('/api/v1/references/:project/:language', async (request, reply) => {
    const asked = askedSchema.safeParse(plainBodyOf(request));
    if (!asked.success) {
      return reply.code(400).send({ error: `rev_ids must be a list of 1 to ${MOST_REVISIONS} revision ids` });
    }
    return reply.send(
      Object.fromEntries(await countReferences(pool, schemaOf(request, counted), asked.data.rev_ids)),
    );
  });
  app.get('/api/v1/references/:project/:language/:revision', async (request, reply) => {
    const { project, language, revision } = paramsOf(request);
    const asked = revisionId.safeParse(Number(revision));
    if (!asked.success) return reply.code(400).send({ error: 'the revision id must be a whole number' });
    const counts = await countReferences(pool, schemaOf(request, counted), [asked.data]);
    const count = counts.get(String(asked.data));
    if (count === undefined) return reply.code(404).send({ error: 'no such revision' });
    if (count.num_ref === null) return reply.code(403).send({ error: count.error });
    return reply.send({ num_ref: count.num_ref, lang: language, project, revid: asked.data });
  });
}

const paramsSchema = z.object({
  project: z.string(),
  language: z.string(),
  revision: z.string().optional(),
});

function paramsOf(request: FastifyRequest): z.infer<typeof paramsSchema> {
  return paramsSchema.parse(request.params);
}

/** Undefined: the sandbox's own. */
function schemaOf(request: FastifyRequest, counted: CountedSchemas): string | undefined {
  const { project, language } = paramsOf(request);
  const key = `${project}/${language}`;
  return Object.hasOwn(counted, key) ? counted[key] : undefined;
}

async function countReferences(
  pool: Pool,
  schema: string | undefined,
  ids: readonly number[],
): Promise<ReadonlyMap<string, Count>> {
  const within = schema === undefined ? '' : `${schema}.`;
  const rows = await listRows<{ id: string; refs: number | null }>(
    pool,
    {
      name: `references-${schema ?? 'own'}`,
      text: `
        select id, case when text_hidden then null else refs end as refs from ${within}revisions where id = any($1::bigint[])
        union all
        select id, null from ${within}archive where id = any($1::bigint[])`,
    },
    [ids],
  );
  return new Map(
    rows.map(({ id, refs }) => [
      id,
      refs === null ? { num_ref: null, error: 'no content' } : { num_ref: refs },
    ]),
  );
}
