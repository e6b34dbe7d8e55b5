import { parseArgs } from 'node:util';
import { benchLoad } from './load/run.ts';
import { benchRetirement } from './retirement/run.ts';
import { benchTimeslices } from './timeslices/run.ts';

const USAGE = `usage: npm run bench -- retirement [--learners N] [--rounds N] [--set KEY=JSON]…
       npm run bench -- timeslices [--revisions N]… [--rounds N] [--unchecked] [--part database|updates]
       npm run bench -- load [--learners N] [--courses N] [--no-updates] [--parked N] [--lms-delay MS] [--out FOLDER] [--profile FOLDER]
  --set        a dynamic setting of the Temporal server, to compare with the embedded one's own
  --revisions  size of a course; 100000 and 1000000 unless told
  --unchecked  without foreign keys, to see what PostgreSQL's checks of them cost
  --learners   of a round, 300 unless told; of load waiting at once, 10000 unless told
  --parked     learners ERRORED at once, 3000 unless told; 0 leaves out what it counts
  --no-updates courses have their schedules, and none is due
  --lms-delay  milliseconds that every answer of the LMS takes longer
  --out        folder for load.svg and load.json
  --profile    folder for CPU profiles of the worker`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    learners: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    set: { type: 'string', multiple: true, default: [] },
    revisions: { type: 'string', multiple: true, default: ['100000', '1000000'] },
    unchecked: { type: 'boolean', default: false },
    part: { type: 'string', default: 'both' },
    courses: { type: 'string', default: '1000' },
    'no-updates': { type: 'boolean', default: false },
    parked: { type: 'string', default: '3000' },
    'lms-delay': { type: 'string', default: '0' },
    out: { type: 'string' },
    profile: { type: 'string' },
  },
});

const result = await bench(positionals[0]);
process.stdout.write(`${JSON.stringify(result)}\n`);

async function bench(name = ''): Promise<Record<string, unknown>> {
  const rounds = Number(values.rounds);
  switch (name) {
    case 'retirement':
      return benchRetirement({
        learners: Number(values.learners ?? 300),
        rounds,
        dynamicConfig: dynamicConfig(),
      });
    case 'timeslices':
      return benchTimeslices({
        revisions: values.revisions.map(Number),
        rounds,
        unchecked: values.unchecked,
        part: partOf(values.part),
      });
    case 'load':
      return benchLoad({
        learners: Number(values.learners ?? 10_000),
        courses: Number(values.courses),
        updates: !values['no-updates'],
        parked: Number(values.parked),
        lmsDelayMs: Number(values['lms-delay']),
        out: values.out,
        profile: values.profile,
      });
    default:
      process.stderr.write(`${USAGE}\n`);
      return process.exit(2);
  }
}

function partOf(text: string): 'database' | 'updates' | 'both' {
  if (text === 'database' || text === 'updates' || text === 'both') return text;
  process.stderr.write(`${USAGE}\n`);
  return process.exit(2);
}

function dynamicConfig(): Record<string, unknown> {
  return Object.fromEntries(
    values.set.map((setting) => {
      const [key = '', ...value] = setting.split('=');
      return [key, JSON.parse(value.join('=')) as unknown];
    }),
  );
}
