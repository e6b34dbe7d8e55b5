import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { breaks } from './invariants/breaks.ts';
import { openJournal } from './journal.ts';
import { runChaos } from './run.ts';

const USAGE = `usage: npm run chaos -- [--seed N] [--minutes M] [--workers N] [--break NAME] [--log FILE] [--keep]
  --seed     what is chosen follows from it; printed when it is not given
  --minutes  how long things go wrong; default 1.5
  --workers  worker processes; default 2
  --break    breaks something before the checks, which one of them has to see:
             ${Object.keys(breaks).join(', ')}
  --log      where everything that was done is written, with its time; default a file of the system's temporary folder
  --keep     keeps databases, delivered files and logs`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '1.5' },
    workers: { type: 'string', default: '2' },
    break: { type: 'string' },
    log: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const minutes = Number(values.minutes);
const workers = Number(values.workers);
const { break: broken } = values;
const isUnderstood =
  Number.isInteger(seed) &&
  minutes > 0 &&
  Number.isInteger(workers) &&
  workers >= 1 &&
  (broken === undefined || Object.hasOwn(breaks, broken));
if (values.help || !isUnderstood) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(values.help ? 0 : 2);
}

// The servers lead process groups of their own: they are ended by what is done at our exit, not by a terminal.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const log = path.resolve(values.log ?? path.join(os.tmpdir(), `registrar-chaos-${seed}.log`));
rmSync(log, { force: true });
const journal = openJournal(log);
journal.note(null, `seed ${seed}, ${minutes} minutes, ${workers} workers; this is also written to ${log}`);
const result = await runChaos({ seed, minutes, workers, broken, keep: values.keep, journal });
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(result.ok ? 0 : 1);
