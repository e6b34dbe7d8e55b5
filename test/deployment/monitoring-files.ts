import { parse } from 'yaml';
import { z } from 'zod';
import { readRootFile } from './compose-file.ts';

const rulesFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smhd]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});

const dashboardFile = z.object({
  uid: z.string(),
  panels: z.array(
    z.object({
      id: z.number(),
      type: z.string(),
      title: z.string().min(1),
      targets: z.array(z.object({ expr: z.string(), datasource: z.object({ uid: z.string() }) })).default([]),
    }),
  ),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
});

export type Rule = z.infer<typeof rulesFile>['groups'][number]['rules'][number];

export function readRules(): readonly Rule[] {
  return rulesFile
    .parse(parse(readRootFile('deploy/prometheus/rules.yml')))
    .groups.flatMap(({ rules }) => rules);
}

export function readDashboard(): z.infer<typeof dashboardFile> {
  return dashboardFile.parse(JSON.parse(readRootFile('deploy/grafana/registrar.json')));
}

/** A metric as an expression names it, with the conditions on its labels. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

export interface Expression {
  readonly selectors: readonly Selector[];
  /** Of `by (…)` and `without (…)`. */
  readonly grouping: readonly string[];
}

/** Words of PromQL that our expressions use; anything else is taken for a metric. */
const words: ReadonlySet<string> = new Set(
  'absent and by histogram_quantile increase max min min_over_time offset or rate sum time unless without'.split(
    ' ',
  ),
);

/** The metrics and labels that an expression of PromQL names: enough of the language for ours. */
export function readExpression(expr: string): Expression {
  const grouping = [...expr.matchAll(/\b(?:by|without)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
  const bare = expr
    .replaceAll(/\b(by|without)\s*\([^)]*\)/g, '$1 ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\boffset\s+\w+/g, ' ');
  const selectors = [...bare.matchAll(/(?<![\w"$.])([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?/g)]
    .filter(([, name = '']) => !words.has(name))
    .filter(({ index }) => !isQuoted(bare, index))
    .map(([, metric = '', inside = '']) => ({
      metric,
      matchers: [...inside.matchAll(/(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"/g)].map(
        ([, label = '', operator = '', value = '']) => ({ label, operator, value }),
      ),
    }));
  return { selectors, grouping };
}

function isQuoted(text: string, index: number): boolean {
  return (text.slice(0, index).split('"').length - 1) % 2 === 1;
}
