import { createReport, describeProblem, type Problem } from '../../config/problem.ts';
import { readPlainFile } from '../../config/plain-file.ts';
import { readYaml } from '../../config/yaml-reader.ts';
import { readCourse, type CourseFile } from '../../domain/timeslices/course-file.ts';
import { failed, notFound, wrongUsage, type OperationError } from '../operation-error.ts';

/**
 * Reads a course file, YAML or JSON. Throws: not found when there is none, failed when it cannot be read, and wrong usage, a line a
 * mistake, for what is in it.
 */
export async function loadCourseFile(path: string): Promise<CourseFile> {
  const text = await textOf(path);
  const report = createReport();
  // JSON is YAML, too.
  const value = readYaml(text, report, { datesAsText: true });
  if (report.problems().length > 0) throw mistakesIn(path, report.problems());
  const read = readCourse(value);
  if (read.kind === 'invalid') throw mistakesIn(path, read.mistakes);
  return read.course;
}

function mistakesIn(path: string, mistakes: readonly Problem[]): OperationError {
  return wrongUsage(mistakes.map((mistake) => `${path}: ${describeProblem(mistake)}`).join('\n'));
}

async function textOf(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readPlainFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown trouble';
    if (code === 'ENOENT' || code === 'ENOTDIR') throw notFound(`there is no file ${path}: correct its name`);
    if (code === 'NOTAFILE' || code === 'EFBIG')
      throw wrongUsage(`${path} is a pipe, a device, or longer than 16 MB: name a course file`);
    throw failed(`cannot read ${path} (${code}): name a file that this user may read`, { cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw wrongUsage(`${path} is not UTF-8 text: save it as UTF-8`);
  }
}
