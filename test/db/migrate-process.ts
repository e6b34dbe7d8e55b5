// Migrates a database in a process of its own, to be killed: `migrate-process.ts DATABASE_URL FOLDER`.
import { migrate } from '../../db/migrate.ts';

const [, , databaseUrl = '', folder = ''] = process.argv;
process.stdout.write('migrating\n');
await migrate(databaseUrl, { folder });
process.stdout.write('migrated\n');
