/** A namespace as MediaWiki installs it; 118 and 119 are those that the English Wikipedia adds. */
export interface Namespace {
  readonly id: number;
  readonly name: string;
  /** The name that every wiki understands, whatever its language; absent for articles. */
  readonly canonical?: string;
  readonly subpages: boolean;
}

export const SITE_NAME = 'Sandbox';

const pair = (id: number, name: string, subpages: boolean): readonly Namespace[] => [
  { id, name, canonical: name, subpages },
  { id: id + 1, name: `${name} talk`, canonical: `${name} talk`, subpages: true },
];

export const namespaces: readonly Namespace[] = [
  { id: -2, name: 'Media', canonical: 'Media', subpages: false },
  { id: -1, name: 'Special', canonical: 'Special', subpages: false },
  { id: 0, name: '', subpages: false },
  { id: 1, name: 'Talk', canonical: 'Talk', subpages: true },
  ...pair(2, 'User', true),
  { id: 4, name: SITE_NAME, canonical: 'Project', subpages: true },
  { id: 5, name: `${SITE_NAME} talk`, canonical: 'Project talk', subpages: true },
  ...pair(6, 'File', false),
  ...pair(8, 'MediaWiki', true),
  ...pair(10, 'Template', true),
  ...pair(12, 'Help', true),
  ...pair(14, 'Category', false),
  ...pair(118, 'Draft', true),
];

const byId = new Map(namespaces.map((namespace) => [namespace.id, namespace]));

const byName = new Map(
  namespaces.flatMap((namespace) =>
    [namespace.name, namespace.canonical ?? '']
      .filter((name) => name !== '')
      .map((name) => [name.toLowerCase(), namespace] as const),
  ),
);

/** Namespaces that hold pages: not Special and Media. */
export const pageNamespaceIds: readonly number[] = namespaces.map(({ id }) => id).filter((id) => id >= 0);

export function findNamespace(id: number): Namespace | undefined {
  return byId.get(id);
}

/** By its name or its canonical name, in any case; underscores count as spaces. */
export function findNamespaceNamed(name: string): Namespace | undefined {
  return byName.get(name.replaceAll('_', ' ').trim().toLowerCase());
}
