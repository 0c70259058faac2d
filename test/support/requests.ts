/** Requests to a server, whether it runs in this process or in one of its own. */

/** An answer, read whole. `json` is undefined where the body is no JSON. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // A test names the members that it expects.
  readonly json: any;
}

export type Form = Readonly<Record<string, string | undefined>>;

export interface Requests {
  /** Sends a form. A member that is undefined is left out. */
  post(path: string, form: Form, headers?: Record<string, string>): Promise<Reply>;
  /** Sends any other request. */
  send(path: string, init?: RequestInit): Promise<Reply>;
}

/** Requests to the server at this URL. They follow no redirect. */
export function requestsTo(url: string): Requests {
  return requestsBy((path, init) => fetch(url + path, { redirect: "manual", ...init }));
}

/** Requests to whatever answers them, such as the handler of a web framework. */
export function requestsBy(answer: (path: string, init: RequestInit) => Promise<Response>): Requests {
  const send = async (path: string, init: RequestInit = {}): Promise<Reply> => {
    const response = await answer(path, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parse(text) };
  };
  return {
    send,
    post: (path, form, headers = {}) => send(path, { method: "POST", body: new URLSearchParams(clean(form)), headers }),
  };
}

function clean(form: Form): Record<string, string> {
  return Object.fromEntries(Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
