import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Paths of all files below a folder, sorted; none when there is no folder. */
export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
}

/** Rows of the partners' reports by file name, without the headings. */
export function readReports(deliveredFolder: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    filesBelow(path.join(deliveredFolder, 'partner-reports'))
      .filter((file) => file.endsWith('.csv'))
      .map((file) => [path.basename(file), readFileSync(file, 'utf8').split('\r\n').slice(1, -1)] as const),
  );
}

/** How many lines the archive has of each LMS user. */
export function countArchiveLines(deliveredFolder: string): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const file of filesBelow(path.join(deliveredFolder, 'archive')).filter((name) =>
    name.endsWith('.gz'),
  )) {
    for (const line of gunzipSync(readFileSync(file)).toString('utf8').split('\n').slice(0, -1)) {
      const { user_id: userId } = JSON.parse(line) as { readonly user_id: number };
      counts.set(userId, (counts.get(userId) ?? 0) + 1);
    }
  }
  return counts;
}
