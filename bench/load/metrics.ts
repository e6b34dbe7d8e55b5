/** What a worker says of itself, in Prometheus' text format. */
export async function scrape(metricsUrl: string): Promise<string> {
  const answer = await fetch(metricsUrl);
  if (!answer.ok) throw new Error(`${metricsUrl} answered ${answer.status}`);
  return answer.text();
}

/** A metric's values added up over all of its labels; undefined when there is none of that name. */
export function metricOf(text: string, name: string): number | undefined {
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))];
  return values.length === 0 ? undefined : values.reduce((sum, [, value]) => sum + Number(value), 0);
}
