import type { Session } from '../session.ts';
import { createRetirementClient, type RetirementClient } from './client.ts';

/** The client of one command's session. */
export function retirementsOf(session: Session): RetirementClient {
  return createRetirementClient({
    database: session.database(),
    temporal: () => session.temporal(),
    configuration: () => session.configuration(),
  });
}
