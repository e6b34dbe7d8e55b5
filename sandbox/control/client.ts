/** One control request: `path` begins with `/_sandbox/`, `body` is sent as JSON. The JSON of the answer, undefined for none. */
export type SandboxControl = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** A sandbox's answer with a status that is none of success. */
export class SandboxRefusal extends Error {
  override readonly name = 'SandboxRefusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Speaks to the control of the sandbox at `url`. It throws `SandboxRefusal` when the sandbox refuses. */
export function createSandboxControl(url: string): SandboxControl {
  return async (method, path, body) => {
    const json =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await fetch(url + path, { method, ...json });
    const text = await answer.text();
    if (!answer.ok) {
      throw new SandboxRefusal(answer.status, `${method} ${path}: ${answer.status} ${text}`);
    }
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  };
}
