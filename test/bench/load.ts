/** Requests of one kind, as the generator sends them. Everything in it can be sent to another process. */
export interface Load {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body; a load without one consists of GET requests. */
  readonly form?: Readonly<Record<string, string>>;
  /** A parameter of the body that differs from request to request; of a GET request it is a header. */
  readonly own?: OwnParameter;
  readonly expects: Expected;
}

export interface OwnParameter {
  readonly name: string;
  readonly values: readonly string[];
  /**
   * `once`: each value is sent once, and the phase ends with the last one. `cycle`: the first one follows the last one.
   * `chain`: each connection begins with a value of its own, and goes on with what each answer brings.
   */
  readonly use: "once" | "cycle" | "chain";
}

export interface Expected {
  readonly statuses: readonly number[];
  /** Texts that the body must contain, and texts that it must not contain. */
  readonly contains?: readonly string[];
  readonly lacks?: readonly string[];
  /** A regular expression that the answer must match. Its first group is what the answer brings. */
  readonly brings?: string;
}

/** For how long the generator sends a load. */
export interface Phase {
  readonly port: number;
  readonly connections: number;
  readonly load: Load;
  readonly seconds: number;
  /** The phase ends after so many requests, if its seconds are not over before. */
  readonly requests?: number | undefined;
  /** Whether the result has the time of each answer. */
  readonly tellsTimes?: boolean | undefined;
}

export interface PhaseResult {
  /** Answers, unexpected ones included. */
  readonly answers: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Milliseconds in which half of the answers came, and 99 of 100. */
  readonly p50: number;
  readonly p99: number;
  readonly unexpected: number;
  /** The first unexpected answer. */
  readonly example: string | undefined;
  /** What the answers brought, in the order in which they came; of a chain only the last of each connection. */
  readonly brought: readonly string[];
  /** Milliseconds of each answer, if the phase asked for them. */
  readonly times: readonly number[];
  /** Share of one core that the generator used. */
  readonly generator: number;
}

export const FORM_ANSWER = { statuses: [200] } as const;
