/** The same answer for `ms` after it was begun: however many ask, `read` runs at most once in that time. */
export function keptFor<Answer>(
  ms: number,
  read: () => Promise<Answer>,
  nowMs: () => number = Date.now,
): () => Promise<Answer> {
  let kept: { readonly answer: Promise<Answer>; readonly atMs: number } | undefined;
  return () => {
    if (kept === undefined || nowMs() - kept.atMs >= ms) kept = { answer: read(), atMs: nowMs() };
    return kept.answer;
  };
}
