import type { Session } from '../session.ts';
import { createCourseClient, type CourseClient } from './client.ts';

/** The client of one command's session. */
export function coursesOf(session: Session): CourseClient {
  return createCourseClient({
    database: session.database(),
    temporal: () => session.temporal(),
    uiUrl: session.env['TEMPORAL_UI_URL'],
  });
}
