import { parseArgs } from 'node:util';
import { benchRetirement } from './retirement/run.ts';

const USAGE = `usage: npm run bench -- retirement [--learners N] [--rounds N] [--set KEY=JSON]…
  --set   a dynamic setting of the Temporal server, to compare with the embedded one's own`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    learners: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '3' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

if (positionals[0] !== 'retirement') {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}

const result = await benchRetirement({
  learners: Number(values.learners),
  rounds: Number(values.rounds),
  dynamicConfig: Object.fromEntries(
    values.set.map((setting) => {
      const [key = '', ...value] = setting.split('=');
      return [key, JSON.parse(value.join('=')) as unknown];
    }),
  ),
});
process.stdout.write(`${JSON.stringify(result)}\n`);
