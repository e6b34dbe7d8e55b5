import { Scalar, type ScalarTag, type Tags } from 'yaml';

/*
 * Open edX reads its files with PyYAML, which takes fewer plain texts for booleans and numbers than YAML 1.1 says:
 * `y`, `12e45` and `0899` are texts. A key or token such as these must not arrive here as something else.
 */
const truths = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const trues = /^(?:yes|true|on)$/i;

const boolean: ScalarTag = {
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  test: truths,
  resolve: (text) => new Scalar(trues.test(text)),
};

/** Stricter patterns for the library's own tags, by tag and form; `plain` is the form without a name. */
const strict: Readonly<Record<string, RegExp>> = {
  'tag:yaml.org,2002:int plain': /^[-+]?(?:0|[1-9][0-9_]*)$/,
  'tag:yaml.org,2002:float EXP': /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][-+][0-9]+$/,
  'tag:yaml.org,2002:float plain': /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/,
  'tag:yaml.org,2002:int TIME': /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/,
};

/** Takes YAML 1.1's tags, gives those that PyYAML's safe loader has. */
export function pyYamlTags(tags: Tags): Tags {
  const others = tags.filter((tag) => typeof tag === 'string' || tag.tag !== boolean.tag);
  return [...others.map(stricter), boolean];
}

/** The same tags but for timestamps, which stay the texts that they are. */
export function withoutDates(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:timestamp');
}

function stricter(tag: Tags[number]): Tags[number] {
  if (typeof tag === 'string' || tag.collection !== undefined || tag.test === undefined) return tag;
  // The forms for infinity and not-a-number have no format either, and stay as they are.
  if (tag.test.source.includes('nan')) return tag;
  const test = strict[`${tag.tag} ${tag.format ?? 'plain'}`];
  return test === undefined ? tag : { ...tag, test };
}
