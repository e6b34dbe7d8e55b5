import path from 'node:path';
import ts from 'typescript';
import { root } from './compose-file.ts';
import type { Manifest } from './chart.ts';

/** Where the published definitions of each API version are: its types by name, its validators to be loaded. */
const definitions: Readonly<
  Record<string, { readonly module: string; readonly load: () => Promise<unknown> }>
> = {
  v1: { module: 'kubernetes-models/v1', load: () => import('kubernetes-models/v1') },
  'apps/v1': { module: 'kubernetes-models/apps/v1', load: () => import('kubernetes-models/apps/v1') },
  'autoscaling/v2': {
    module: 'kubernetes-models/autoscaling/v2',
    load: () => import('kubernetes-models/autoscaling/v2'),
  },
  'batch/v1': { module: 'kubernetes-models/batch/v1', load: () => import('kubernetes-models/batch/v1') },
  'networking.k8s.io/v1': {
    module: 'kubernetes-models/networking.k8s.io/v1',
    load: () => import('kubernetes-models/networking.k8s.io/v1'),
  },
  'policy/v1': { module: 'kubernetes-models/policy/v1', load: () => import('kubernetes-models/policy/v1') },
  'keda.sh/v1alpha1': {
    module: '@kubernetes-models/keda/keda.sh/v1alpha1',
    load: () => import('@kubernetes-models/keda/keda.sh/v1alpha1'),
  },
  'monitoring.coreos.com/v1': {
    module: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
    load: () => import('@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'),
  },
};

/**
 * What Kubernetes would refuse or ignore in the manifests, by two looks at the same published definitions: their types find unknown
 * keys, which the API server drops silently, and wrong types; their validators find what is missing or malformed. One line each.
 */
export async function mistakesIn(manifests: readonly Manifest[]): Promise<readonly string[]> {
  const malformed = await Promise.all(manifests.map(malformedPart));
  return [...ofWrongType(manifests), ...malformed.filter((mistake) => mistake !== undefined)];
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

interface Model {
  new (data: Manifest): { validate(): void };
}

async function malformedPart(manifest: Manifest): Promise<string | undefined> {
  const models = (await definitions[manifest.apiVersion]?.load()) as
    Readonly<Record<string, Model>> | undefined;
  const Kind = models?.[manifest.kind];
  if (Kind === undefined) return `${nameOf(manifest)}: ${manifest.apiVersion} has no such kind`;
  try {
    new Kind(manifest).validate();
    return undefined;
  } catch (error) {
    return `${nameOf(manifest)}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Each manifest as a constant of its type: in a literal, TypeScript refuses keys that the type does not have. */
function ofWrongType(manifests: readonly Manifest[]): readonly string[] {
  const file = path.join(root, 'test/deployment/rendered-manifests.ts');
  const texts = manifests.map(
    (manifest, index) =>
      `export const manifest${index}: import('${definitions[manifest.apiVersion]?.module}').I${manifest.kind} = ${JSON.stringify(manifest)};`,
  );
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    types: [],
  };
  const disk = ts.createCompilerHost(options);
  const text = texts.join('\n');
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? text : disk.readFile(name)),
    getSourceFile: (name, target, ...rest) =>
      name === file ? ts.createSourceFile(name, text, target) : disk.getSourceFile(name, target, ...rest),
  };
  const program = ts.createProgram([file], options, host);
  const source = program.getSourceFile(file);
  return program.getSemanticDiagnostics(source).map(({ start = 0, messageText }) => {
    const line = text.slice(0, start).split('\n').length - 1;
    const manifest = manifests[line];
    const said = ts.flattenDiagnosticMessageText(messageText, ' ');
    return `${manifest === undefined ? line : nameOf(manifest)}: ${said}`;
  });
}
