/**
 * A title as the API shows it (`User talk:Ada b`) as the database keeps it: with underscores, without the namespace's prefix, which
 * is in the wiki's language and ends at the first colon. Articles have no prefix, and may have a colon.
 */
export function pageTitle(namespace: number, shown: string): string {
  const colon = namespace === 0 ? -1 : shown.indexOf(':');
  return shown.slice(colon + 1).replaceAll(' ', '_');
}
