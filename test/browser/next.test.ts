import t from "tap";
import { next, type Next, type Prompt } from "../../src/browser/authorize/next.js";

type AuthorizationState = Parameters<typeof next>[0];

/** The changes of a row to a first visit, on which no user is logged in and nothing is allowed. */
interface Row {
  readonly name: string;
  readonly prompt?: readonly Prompt[];
  readonly request?: Partial<AuthorizationState["request"]>;
  readonly client?: Partial<AuthorizationState["client"]>;
  /** Seconds since the login; absent if no user is logged in. */
  readonly session?: number;
  readonly consented?: readonly string[];
  readonly done?: Partial<AuthorizationState["done"]>;
  readonly expect: Next;
}

const NOW = 1_800_000_000;
const ALL = ["openid", "api1"];

const login: Next = { step: "login", selectAccount: false };
const select: Next = { step: "login", selectAccount: true };
const consent: Next = { step: "consent" };
const issue: Next = { step: "issue" };
const refuse = (code: "login_required" | "consent_required" | "access_denied"): Next => ({ step: "refuse", code });

const ROWS: readonly Row[] = [
  { name: "no user is logged in", expect: login },
  { name: "a person is logged in, and was never asked", session: 10, expect: consent },
  { name: "a person is logged in, and allowed it before", session: 10, consented: ALL, expect: issue },
  { name: "and allowed more than that before", session: 10, consented: [...ALL, "email"], expect: issue },
  { name: "and allowed only a part before", session: 10, consented: ["openid"], expect: consent },
  { name: "and is asked for nothing", session: 10, request: { scope: [] }, expect: issue },
  { name: "and has allowed it just now", session: 10, done: { consent: "allowed" }, expect: issue },
  { name: "and has denied it just now", session: 10, done: { consent: "denied" }, expect: refuse("access_denied") },
  {
    name: "and denied it now what was allowed before",
    session: 10,
    consented: ALL,
    done: { consent: "denied" },
    expect: refuse("access_denied"),
  },
  { name: "the login was cancelled", done: { cancelled: true }, expect: refuse("access_denied") },
  {
    name: "AZ-10 cancelling a second login does not fall back to the first",
    prompt: ["login"],
    session: 10,
    consented: ALL,
    done: { cancelled: true },
    expect: refuse("access_denied"),
  },
  { name: "logged in just now", session: 0, done: { login: true }, expect: consent },

  { name: "a first-party client needs no consent", client: { consent: "implicit" }, session: 10, expect: issue },
  { name: "but a person who is not logged in must log in", client: { consent: "implicit" }, expect: login },
  {
    name: "unless the request demands it",
    client: { consent: "implicit" },
    prompt: ["consent"],
    session: 10,
    expect: consent,
  },
  {
    name: "AZ-09 a public client asks each time",
    client: { remembers: false },
    session: 10,
    consented: ALL,
    expect: consent,
  },
  {
    name: "AZ-09 but only once in an authorization",
    client: { remembers: false },
    session: 10,
    consented: ALL,
    done: { consent: "allowed" },
    expect: issue,
  },

  { name: "AZ-11 prompt=none, no user is logged in", prompt: ["none"], expect: refuse("login_required") },
  { name: "AZ-11 prompt=none, never asked", prompt: ["none"], session: 10, expect: refuse("consent_required") },
  { name: "AZ-11 prompt=none, allowed before", prompt: ["none"], session: 10, consented: ALL, expect: issue },
  {
    name: "AZ-11 prompt=none, first party",
    prompt: ["none"],
    client: { consent: "implicit" },
    session: 10,
    expect: issue,
  },
  {
    name: "AZ-11 prompt=none, too long ago",
    prompt: ["none"],
    request: { max_age: 5 },
    session: 10,
    consented: ALL,
    expect: refuse("login_required"),
  },
  {
    name: "AZ-11 prompt=none, a public client",
    prompt: ["none"],
    client: { remembers: false },
    session: 10,
    consented: ALL,
    expect: refuse("consent_required"),
  },
  {
    name: "AZ-11 prompt=none, another person is logged in",
    prompt: ["none"],
    request: { expected_sub: "bob" },
    session: 10,
    consented: ALL,
    expect: refuse("login_required"),
  },

  { name: "prompt=login", prompt: ["login"], session: 10, consented: ALL, expect: login },
  { name: "prompt=login, done", prompt: ["login"], session: 0, consented: ALL, done: { login: true }, expect: issue },
  { name: "prompt=select_account", prompt: ["select_account"], session: 10, consented: ALL, expect: select },
  {
    name: "prompt=select_account, done",
    prompt: ["select_account"],
    session: 0,
    consented: ALL,
    done: { login: true },
    expect: issue,
  },
  { name: "prompt=consent", prompt: ["consent"], session: 10, consented: ALL, expect: consent },
  { name: "prompt=consent, done", prompt: ["consent"], session: 10, done: { consent: "allowed" }, expect: issue },
  { name: "prompt=login consent: the login", prompt: ["login", "consent"], session: 10, consented: ALL, expect: login },
  {
    name: "prompt=login consent: then the consent",
    prompt: ["login", "consent"],
    session: 0,
    consented: ALL,
    done: { login: true },
    expect: consent,
  },
  {
    name: "prompt=login consent: then both are done",
    prompt: ["login", "consent"],
    session: 0,
    done: { login: true, consent: "allowed" },
    expect: issue,
  },

  { name: "AZ-12 max_age not reached", request: { max_age: 11 }, session: 10, consented: ALL, expect: issue },
  { name: "AZ-12 max_age reached", request: { max_age: 10 }, session: 10, consented: ALL, expect: login },
  { name: "AZ-12 max_age=0", request: { max_age: 0 }, session: 0, consented: ALL, expect: login },
  {
    name: "AZ-12 max_age=0, logged in for it",
    request: { max_age: 0 },
    session: 0,
    consented: ALL,
    done: { login: true },
    expect: issue,
  },
  {
    name: "AZ-12 a login in the future is not old",
    request: { max_age: 10 },
    session: -5,
    consented: ALL,
    expect: issue,
  },

  {
    name: "the expected person",
    request: { expected_sub: "alice" },
    session: 10,
    consented: ALL,
    expect: issue,
  },
  {
    name: "AZ-21 another person is logged in",
    request: { expected_sub: "bob" },
    session: 10,
    consented: ALL,
    expect: login,
  },
  {
    name: "AZ-21 another person than the expected one logged in",
    request: { expected_sub: "bob" },
    session: 0,
    consented: ALL,
    done: { login: true },
    expect: refuse("login_required"),
  },
];

t.test("the next step is a function of the stored state", async (t) => {
  for (const { name, prompt = [], request = {}, client = {}, session, consented = [], done = {}, expect } of ROWS) {
    const state: AuthorizationState = {
      now: NOW,
      request: { scope: ALL, prompt, ...request },
      client: { consent: "explicit", remembers: true, ...client },
      ...(session === undefined ? {} : { session: { sub: "alice", auth_time: NOW - session } }),
      consented,
      done: { login: false, cancelled: false, ...done },
    };
    const before = structuredClone(state);
    t.strictSame(next(state), expect, name);
    t.strictSame(state, before, "and nothing else");
  }
});
