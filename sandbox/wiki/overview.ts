import type { FastifyInstance } from 'fastify';
import { listRows, type Statement } from '../shell/statements.ts';
import type { Wiki } from './api.ts';

const latestEdits: Statement = {
  name: 'overview',
  text: `
    select a.name as "user", p.namespace as ns, p.title, r.at, r.sizediff
    from revisions r join actors a on a.id = r.actor_id join pages p on p.id = r.page_id
    where not r.user_hidden order by r.id desc limit 50`,
};

interface EditRow {
  readonly user: string;
  readonly ns: number;
  readonly title: string;
  readonly at: Date;
  readonly sizediff: number;
}

/** `GET /`: the newest edits, for people who look what the sandbox holds. */
export function addOverview(app: FastifyInstance, { pool }: Wiki): void {
  app.get('/', async (_request, reply) => {
    const edits = await listRows<EditRow>(pool, latestEdits, []);
    const rows = edits.map(
      ({ user, ns, title, at, sizediff }) =>
        `<tr><td>${at.toISOString().slice(0, 19)}</td><td>${escaped(user)}</td><td>${ns}</td><td>${escaped(title)}</td>` +
        `<td style="text-align:right">${sizediff}</td></tr>`,
    );
    return reply.type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox wiki</title></head>
<body style="font-family:system-ui;margin:2rem"><h1>Sandbox wiki</h1>
<p>A stand-in for MediaWiki. The API is at <code>/w/api.php</code>. These are the newest edits.</p>
<table cellpadding="4"><tr><th>time</th><th>user</th><th>namespace</th><th>title</th><th>bytes</th></tr>
${rows.join('\n')}
</table></body></html>
`);
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
