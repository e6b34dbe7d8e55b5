import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { StageProgress, StageView } from './contract.ts';
import { deadlineOf, statusOf, type Run } from './run.ts';

/** Renders the page that the Temporal UI shows above a workflow's history: Markdown, nobody's identity. */
export function showDetails(run: Run): void {
  setCurrentDetails(renderDetails(run, workflowInfo().workflowId, workflowInfo().namespace));
}

const marks: Readonly<Record<StageProgress, string>> = {
  waiting: 'waiting',
  running: '▶ running',
  done: '✓ done',
  'nothing-to-erase': '✓ nothing to erase',
  'already-done': '✓ done before',
  skipped: '– skipped by an operator',
  failed: '✗ failed',
};

function renderDetails(run: Run, workflowId: string, namespace: string): string {
  const paragraphs = [
    `**${headline(run)}**`,
    ...due(run),
    ...trouble(run, workflowId, namespace),
    ...(run.lastRefusal === undefined ? [] : [`Last refusal: ${run.lastRefusal}`]),
    ...(run.stages.length === 0 ? [] : [stageTable(run.stages)]),
  ];
  return paragraphs.join('\n\n');
}

function headline(run: Run): string {
  switch (run.phase) {
    case 'opening':
      return 'Opening: reading the configuration and the learner’s row';
    case 'cooling-off':
      return `PENDING: cooling off until ${shortTime(run.coolOffUntil ?? '')}; can be cancelled until then`;
    case 'cancelling':
      return 'PENDING: being cancelled in the LMS';
    case 'running':
    case 'resuming':
      return `${run.state}: under way`;
    case 'errored':
      return 'ERRORED: waiting for an operator';
    case 'closed':
      return run.state;
  }
}

function due(run: Run): readonly string[] {
  if (run.dueAt === undefined) return [];
  const on = shortTime(run.dueAt);
  switch (run.phase === 'closed' ? 'ahead' : deadlineOf(run).standing) {
    case 'ahead':
      return [`Due ${on}.`];
    case 'approaching':
      return [`**Due soon: ${on}.**`];
    case 'missed':
      return [`**OVERDUE since ${on}.**`];
  }
}

function trouble(run: Run, workflowId: string, namespace: string): readonly string[] {
  if (run.phase !== 'errored') return [];
  const states = statusOf(run).resumableFrom;
  const from = states.at(-1) ?? 'PENDING';
  const elsewhere = namespace === 'default' ? '' : ` --namespace ${namespace}`;
  return [
    `Cause: ${run.cause?.stage === undefined ? '' : `${run.cause.stage}, `}${run.cause?.what ?? 'unknown'}` +
      (run.cause?.attempts === undefined ? '' : ` (attempts: ${run.cause.attempts})`) +
      `. The service’s own words are in \`registrar retirement show ${run.userId}\`.`,
    'When the cause is mended, retry the failed stage:',
    '```\n' +
      `temporal workflow signal${elsewhere} -w ${workflowId} --name resume --input '"${from}"'\n` +
      '```',
    `Other states to resume from: ${states.slice(0, -1).join(', ') || 'none'}.`,
  ];
}

function stageTable(stages: readonly StageView[]): string {
  const rows = stages.map((stage) => {
    const when = shortTime(stage.endedAt ?? stage.startedAt);
    return `| ${stage.startState} | ${marks[stage.progress]} | ${when} |`;
  });
  return ['| Stage | | |', '|---|---|---|', ...rows].join('\n');
}

/** `2026-11-22 06:15:44Z` */
function shortTime(instant: string | undefined): string {
  return instant === undefined || instant === '' ? '' : `${instant.slice(0, 19).replace('T', ' ')}Z`;
}
