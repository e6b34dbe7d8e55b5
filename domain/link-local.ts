/** Names under which clouds serve the credentials of the machine that asks. */
const metadataNames: readonly string[] = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
];

/** Where clouds serve them beside 169.254.0.0/16. */
const metadataAddresses: readonly string[] = [
  '100.100.100.200',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd20:ce::254',
];

/**
 * True for a host name or address that leads to the machine itself beyond its network: link-local addresses, and those at which clouds
 * give their machines credentials to whoever asks. Takes what a URL has as its host, and addresses as a resolver writes them.
 */
export function isLinkLocal(host: string): boolean {
  const plain = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .replace(/\.+$/, '');
  if (metadataNames.includes(plain) || metadataAddresses.includes(plain)) return true;
  if (/^169\.254(\.\d+){2}$/.test(plain) || /^fe[89ab][0-9a-f]:/.test(plain)) return true;
  const embedded = embeddedAddress(plain);
  return embedded !== undefined && isLinkLocal(embedded);
}

/** The address of version 4 in one of version 6: mapped, compatible, or for a translator on the way. */
function embeddedAddress(address: string): string | undefined {
  const rest = /^(?:::ffff:|::ffff:0:|::|64:ff9b::)([0-9a-f.:]+)$/.exec(address)?.[1];
  if (rest === undefined || /^\d+(\.\d+){3}$/.test(rest)) return rest;
  const halves = /^([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(rest);
  if (halves === null) return undefined;
  return [halves[1], halves[2]]
    .map((half) => Number.parseInt(half ?? '', 16))
    .flatMap((half) => [half >> 8, half & 255])
    .join('.');
}

/** True for the names and addresses of this machine alone. */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^\[|\]$/g, '');
  return /^(?:.+\.)?localhost\.?$/.test(plain) || /^127(\.\d+){3}$/.test(plain) || plain === '::1';
}
