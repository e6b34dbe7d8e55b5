import type { FastifyInstance } from 'fastify';
import type { Lms } from './endpoints.ts';
import { listNewestLearners, listStateCounts } from './overview-store.ts';

/** A page for people at `/`: how many learners are in each state, and the newest of them. */
export function addOverview(app: FastifyInstance, lms: Lms): void {
  app.get('/', async (_request, reply) => {
    const [states, learners] = [await listStateCounts(lms.pool), await listNewestLearners(lms.pool)];
    const counts = states.map((state) => row([state.name, String(state.learners)]));
    const rows = learners.map((learner) =>
      row([String(learner.id), learner.state, learner.original_username, learner.username, learner.email]),
    );
    return reply.type('text/html; charset=utf-8').send(page(counts, rows));
  });
}

function page(counts: readonly string[], learners: readonly string[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox LMS</title>
<style>body{font:15px system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}table{border-collapse:collapse;margin-bottom:2rem}td,th{text-align:left;padding:.25rem .75rem;border-bottom:1px solid #ddd}</style>
</head><body><h1>Sandbox LMS</h1><p>Invented learners who asked to be deleted.</p>
<h2>By state</h2><table><tr><th>State</th><th>Learners</th></tr>${counts.join('')}</table>
<h2>Newest 200</h2><table><tr><th>User id</th><th>State</th><th>Original username</th><th>Username now</th><th>E-mail now</th></tr>${learners.join('')}</table>
</body></html>
`;
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
