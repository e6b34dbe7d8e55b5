/** What a declared service's paths and bodies may ask for, as `{user_id}`. */
export const placeholders = [
  'user_id',
  'original_username',
  'original_email',
  'original_name',
  'retired_username',
  'retired_email',
  'ecommerce_segment_id',
] as const;

export type Placeholder = (typeof placeholders)[number];

/** The names in braces in `text`, known or not. `{ spaced }` and `{}` are no placeholders but plain text. */
export function placeholdersIn(text: string): readonly string[] {
  return [...text.matchAll(/\{([A-Za-z_]\w*)\}/g)].map((found) => found[1] ?? '');
}

export function isPlaceholder(name: string): name is Placeholder {
  return placeholders.some((placeholder) => placeholder === name);
}
