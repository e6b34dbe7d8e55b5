import type { Database, Queryable } from '../../../db/database.ts';
import { partnerFileText, reportName, reportPrefix } from '../../../domain/retirement/partner-file.ts';
import {
  groupByPartner,
  readPartnerRow,
  type PartnerFile,
} from '../../../domain/retirement/partner-report.ts';
import type { ObjectStore } from '../../../platform/storage/object-store.ts';
import { retryLater } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import {
  deleteFiles,
  insertFile,
  listFiles,
  listNamesOf,
  listUnwantedNames,
  recordFile,
} from './file-store.ts';
import { refuseUnknownOrganisations, requireSettings, withStore, type ReportSettings } from './settings.ts';
import { listContent, listOpenBatches, lockBatch, recordDelivery } from './store.ts';

const CSV = 'text/csv; charset=utf-8';

/**
 * Writes what is kept to one file a partner, reads each back, and only then calls the rows delivered. Safe to run twice: a batch's
 * rows and the names of its files stay the same until all of them are delivered, so that an attempt overwrites its own files,
 * and only those. Throws `UnknownOrganisation`, when the answer names one that the check before could not know, and
 * `ServiceUnavailable` for the destination.
 */
export function createDeliverPartnerReport({
  database,
  platform,
}: RetirementDependencies): () => Promise<{ readonly files: number }> {
  return () =>
    beating(async () => {
      const settings = requireSettings((await platform.lastValid()).configuration);
      const open = (await listOpenBatches(database)).filter((batch) => !batch.isDelivered);
      let files = 0;
      await withStore(settings, async (store) => {
        for (const { id } of open) {
          const listed = await store.list(reportPrefix(settings.platformName));
          const occupied = listed.map(({ key }) => key);
          const planned = await database.transaction((transaction) =>
            planBatch(transaction, id, settings, occupied),
          );
          await dropUnwanted(database, store, { batchId: id, wanted: planned.map(({ name }) => name) });
          for (const { name, file } of planned) {
            await deliver(store, name, partnerFileText(file));
            await recordFile(database, { name, learners: file.rows.length });
          }
          await recordDelivery(database, id);
          files += planned.length;
        }
      });
      return { files };
    });
}

interface PlannedFile {
  readonly name: string;
  readonly file: PartnerFile;
}

/** Gives each file of the batch a name that nobody else's file has; names that were given before stay. */
async function planBatch(
  db: Queryable,
  batchId: number,
  settings: ReportSettings,
  occupied: readonly string[],
): Promise<readonly PlannedFile[]> {
  const batch = await lockBatch(db, batchId);
  if (batch.isDelivered) return [];
  const rows = (await listContent(db, batchId)).flatMap((content) => readPartnerRow(content) ?? []);
  const organisations = rows.flatMap((row) => row.organisations);
  refuseUnknownOrganisations(organisations, settings, 'what the LMS answered is kept');
  const known = await listFiles(db, batchId);
  const taken = new Set([...occupied, ...(await listNamesOf(db, batch.reportDate))]);
  const planned: PlannedFile[] = [];
  for (const file of groupByPartner(rows, settings.mapping)) {
    const { partner, headings } = file;
    const before = known.find(
      (other) => other.partner === partner && JSON.stringify(other.headings) === JSON.stringify(headings),
    );
    const name =
      before?.name ?? freeName(taken, { platform: settings.platformName, partner, date: batch.reportDate });
    taken.add(name);
    if (before === undefined)
      await insertFile(db, { batchId, partner, headings, name, learners: file.rows.length });
    planned.push({ name, file });
  }
  return planned;
}

/**
 * Files that were planned and never confirmed, when the mapping of partners was changed in between: an attempt may have written
 * one. The name is forgotten last, so that whoever dies in between removes the file again.
 */
async function dropUnwanted(
  database: Database,
  store: ObjectStore,
  batch: { readonly batchId: number; readonly wanted: readonly string[] },
): Promise<void> {
  const unwanted = await listUnwantedNames(database, batch);
  for (const name of unwanted) await store.remove(name);
  await deleteFiles(database, unwanted);
}

function freeName(
  taken: ReadonlySet<string>,
  named: Omit<Parameters<typeof reportName>[0], 'number'>,
): string {
  for (let number = 1; ; number += 1) {
    const name = reportName({ ...named, number });
    if (!taken.has(name)) return name;
  }
}

async function deliver(store: ObjectStore, name: string, text: string): Promise<void> {
  const content = new TextEncoder().encode(text);
  await store.put(name, content, CSV);
  const read = await store.read(name);
  if (read !== undefined && Buffer.compare(read, content) === 0) return;
  throw retryLater('ServiceUnavailable', `${store.name}: ${name} is not there as it was written`);
}
