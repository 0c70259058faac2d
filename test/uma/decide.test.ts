import t from "tap";
import { decide, type Decision } from "../../src/uma/decide.js";
import type { Facts, ResourceFacts } from "../../src/uma/facts.js";

type Approval = ResourceFacts["approvals"][number];

const NOW = Date.UTC(2026, 10, 20, 12);
const BOB = {
  sub: "user-bob",
  roles: ["editor"],
  claims: { department: "R&D", level: 7, email_verified: true, groups: ["a", "b"] },
};

const at = (hours: number) => new Date(NOW + hours * 3_600_000).toISOString();

/** A resource with the policies that apply to it. */
type Described = Partial<Omit<ResourceFacts, "policies">> & { readonly policies?: Facts["policies"] };

function facts(change: Partial<Facts> = {}, ...resources: Described[]): Facts {
  return {
    now: NOW,
    issuer: "https://id.example",
    asker: { client_id: "printer", person: BOB },
    asked: [{ resource_id: "photo", resource_scopes: ["view", "print"] }],
    policies: resources.flatMap(({ policies = [] }) => policies),
    resources: resources.map(({ policies = [], ...one }) => ({
      resource_id: "photo",
      owner: "user-alice",
      scopes: ["view", "print", "delete"],
      available: true,
      policies: policies.map(({ id }) => id),
      approvals: [],
      ...one,
    })),
    ...change,
  };
}

const withRules = (rules: unknown, change: Partial<Facts> = {}, more: Described = {}) =>
  decide(facts(change, { policies: [{ id: "p", rules }], ...more }));

const grantedBy = ({ permissions }: Decision) => permissions.flatMap(({ resource_scopes }) => resource_scopes);

t.test("each condition grants access exactly when it holds", async (t) => {
  const everything = ["view", "print"];
  const clientOnly = { asker: { client_id: "printer" } };
  const TABLE: readonly (readonly [string, object, readonly string[], Partial<Facts>?])[] = [
    ["its client", { clients: ["x", "printer"] }, everything],
    ["another client", { clients: ["Printer"] }, []],
    ["a pattern is a name", { clients: ["*"] }, []],
    ["its person", { users: ["user-bob"] }, everything],
    ["another person", { users: ["user-Bob"] }, []],
    ["one role of several", { roles: ["admin", "editor"] }, everything],
    ["no role", { roles: ["edit"] }, []],
    ["a claim", { claims: [{ type: "department", value: "R&D" }] }, everything],
    ["a number", { claims: [{ type: "level", value: 7 }] }, everything],
    ["a number is no text", { claims: [{ type: "level", value: "7" }] }, []],
    ["a truth", { claims: [{ type: "email_verified", value: true }] }, everything],
    ["one of several values", { claims: [{ type: "groups", value: "b" }] }, everything],
    [
      "all claims, not one",
      {
        claims: [
          { type: "groups", value: "b" },
          { type: "department", value: "x" },
        ],
      },
      [],
    ],
    ["an unknown claim", { claims: [{ type: "toString", value: "x" }] }, []],
    ["a name with a prototype behind it", { claims: [{ type: "__proto__", value: "x" }] }, []],
    ["all conditions, not one", { clients: ["printer"], users: ["user-carol"] }, []],
    ["only its scopes", { clients: ["printer"], scopes: ["print", "delete"] }, ["print"]],
    ["no scope that was not asked", { clients: ["printer"], scopes: ["delete"] }, []],
    ["its issuer", { users: ["user-bob"], issuer: "https://id.example" }, everything],
    ["another issuer", { users: ["user-bob"], issuer: "https://id.example/" }, []],
    ["a time that has begun", { clients: ["printer"], not_before: at(0) }, everything],
    ["a time to come", { clients: ["printer"], not_before: at(1) }, []],
    ["a time that goes on", { clients: ["printer"], not_after: at(1) }, everything],
    ["a time that is over", { clients: ["printer"], not_after: at(0) }, []],
    ["a client alone", { clients: ["printer"] }, everything, clientOnly],
    ["a client alone has no role", { roles: ["editor"] }, [], clientOnly],
  ];
  for (const [name, rule, granted, change] of TABLE) {
    t.strictSame(grantedBy(withRules([rule], change)), granted, name);
  }
});

t.test("UM-16 a blank, unknown or contradictory rule denies", async (t) => {
  const nest = (depth: number): unknown => (depth === 0 ? {} : { and: nest(depth - 1) });
  const cyclic: Record<string, unknown> = { clients: ["printer"] };
  cyclic.self = cyclic;
  const POISON: readonly unknown[] = [
    ...[null, undefined, "", "allow", 0, true, {}, [], [null], [[]], [{}], [""], { 0: { clients: ["printer"] } }],
    [{ clients: null }],
    [{ clients: [] }],
    [{ clients: "printer" }],
    [{ clients: [""] }],
    [{ clients: ["printer", "printer"] }],
    [{ clients: ["printer"], users: null }],
    [{ clients: ["printer"], unknown: true }],
    [{ clients: ["printer"], Scopes: ["view"] }],
    [{ clients: ["printer"], scopes: [] }],
    [{ clients: ["printer"], claims: [] }],
    [{ clients: ["printer"], claims: [{}] }],
    [{ clients: ["printer"], claims: [{ type: "x", value: null }] }],
    [{ clients: ["printer"], not_after: "tomorrow" }],
    [{ clients: ["printer"], not_before: at(1), not_after: at(-1) }],
    [{ clients: ["printer"], not_before: at(0), not_after: at(0) }],
    [{ clients: ["printer"], consent_needed: "no" }],
    [{ scopes: ["view"] }],
    [{ not_before: at(-1) }],
    [{ issuer: "https://id.example" }],
    [{ consent_needed: false }],
    [nest(1_000)],
    [cyclic],
    Array.from({ length: 51 }, () => ({ clients: ["printer"] })),
  ];
  for (const rules of POISON) {
    const { outcome, permissions } = withRules(rules);
    t.strictSame({ outcome, permissions }, { outcome: "request_denied", permissions: [] });
  }
  t.strictSame(grantedBy(withRules([null, { clients: ["printer"] }])), ["view", "print"], "but not its neighbours");
});

t.test("without a policy, a resource, a scope or an enabled owner nothing is granted", async (t) => {
  const open = { policies: [{ id: "p", rules: [{ clients: ["printer"] }] }] };
  const becauseOf = ({ resources }: Decision) => resources.map(({ trace }) => trace.because);
  t.strictSame(becauseOf(decide(facts())), ["the resource is gone"]);
  t.strictSame(becauseOf(decide(facts({}, {}))), ["there is no policy"]);
  t.strictSame(becauseOf(decide(facts({}, { ...open, available: false }))), ["the resource is switched off"]);
  t.strictSame(becauseOf(decide(facts({}, { ...open, scopes: ["delete"] }))), ["no scope was asked"]);
  for (const one of [facts(), facts({}, {}), facts({}, { ...open, available: false })]) {
    t.equal(decide(one).outcome, "request_denied");
  }
});

t.test("the owner's answer decides a rule that needs consent", async (t) => {
  const rule = { clients: ["printer"], consent_needed: true };
  const said = (scope: string, state: Approval["state"], expires_at: string | null = null, party = "user-bob") => ({
    ...{ scope, state, expires_at, party },
  });
  const TABLE: readonly (readonly [string, readonly Approval[], string, readonly string[], readonly string[]])[] = [
    ["not asked", [], "request_submitted", [], ["view", "print"]],
    ["asked", [said("view", "pending"), said("print", "pending")], "request_submitted", [], ["view", "print"]],
    ["approved in part", [said("view", "approved")], "granted", ["view"], ["print"]],
    ["approved for a time", [said("view", "approved", at(1)), said("print", "denied")], "granted", ["view"], []],
    [
      "approved until now",
      [said("view", "approved", at(0)), said("print", "denied")],
      "request_submitted",
      [],
      ["view"],
    ],
    ["denied", [said("view", "denied"), said("print", "denied")], "request_denied", [], []],
    ["denied in part", [said("view", "denied")], "request_submitted", [], ["print"]],
    [
      "said of another party",
      [said("view", "approved", null, "user-carol"), said("print", "approved", null, "printer")],
      "request_submitted",
      [],
      ["view", "print"],
    ],
  ];
  for (const [name, approvals, outcome, granted, asks] of TABLE) {
    const decision = withRules([rule], {}, { approvals });
    const [resource] = decision.resources;
    t.strictSame([decision.outcome, resource!.granted, resource!.needsApproval], [outcome, granted, asks], name);
  }
  t.equal(withRules([rule], {}, { owner: null }).outcome, "request_denied", "no owner can be asked");
  const alone = withRules(
    [rule],
    { asker: { client_id: "printer" } },
    { approvals: [said("view", "approved", null, "printer")] },
  );
  t.strictSame(grantedBy(alone), ["view"], "a client may ask for itself");
});

t.test("if nothing is granted, the party identifies itself, then the owner is asked", async (t) => {
  const clientOnly = { asker: { client_id: "printer" } };
  const ask = [{ roles: ["editor"] }, { clients: ["printer"], consent_needed: true }];
  t.strictSame(withRules(ask, clientOnly).outcome, "need_info");
  t.strictSame(withRules(ask, clientOnly).claims, ["role"]);
  t.strictSame(withRules([{ users: ["x"], roles: ["y"], claims: [{ type: "z", value: 1 }] }], clientOnly).claims, [
    "sub",
    "role",
    "z",
  ]);
  t.equal(
    withRules([{ clients: ["other"], users: ["user-bob"] }], clientOnly).outcome,
    "request_denied",
    "knowing would not help",
  );
  const asked = ["a", "b", "c"].map((resource_id) => ({ resource_id, resource_scopes: ["view"] }));
  const mixed = decide(
    facts(
      { asked },
      { resource_id: "a", policies: [{ id: "a", rules: [{ clients: ["other"] }] }] },
      { resource_id: "b", policies: [{ id: "b", rules: [{ clients: ["printer"] }] }] },
      { resource_id: "c", policies: [{ id: "c", rules: [{ clients: ["printer"], consent_needed: true }] }] },
    ),
  );
  t.equal(mixed.outcome, "granted");
  t.strictSame(mixed.permissions, [{ resource_id: "b", resource_scopes: ["view"] }]);
  t.strictSame(
    mixed.resources.map(({ needsApproval }) => needsApproval),
    [[], [], ["view"]],
    "the owner is asked all the same",
  );
});

t.test("a permission expires with its first scope, and a scope with its last rule", async (t) => {
  const until = (hours: number, scope: string) => ({ clients: ["printer"], scopes: [scope], not_after: at(hours) });
  const expOf = (...rules: object[]) => withRules(rules).permissions[0]!.exp;
  t.equal(expOf(until(1, "view"), until(3, "view"), until(2, "print")), (NOW + 2 * 3_600_000) / 1000);
  t.equal(expOf(until(1, "view"), { clients: ["printer"] }), undefined);
  t.equal(expOf({ clients: ["printer"] }, until(1, "view")), undefined, "in any order");
});

t.test("the trace names the rule that decided, and no value of a claim", async (t) => {
  const { resources } = withRules([
    { claims: [{ type: "department", value: "sales" }] },
    {
      claims: [
        { type: "department", value: "R&D" },
        { type: "level", value: 7 },
      ],
    },
    { clients: ["other"] },
    "poison",
  ]);
  const { rules } = resources[0]!.trace;
  t.strictSame(
    rules.map(({ rule, result, because, saw, decided }) => ({ rule, result, because, saw, decided })),
    [
      { rule: 1, result: "fails", because: "claims", saw: { claims: { department: "differs" } }, decided: false },
      {
        rule: 2,
        result: "passes",
        because: undefined,
        saw: { claims: { department: "matches", level: "matches" } },
        decided: true,
      },
      { rule: 3, result: "fails", because: "clients", saw: { clients: "printer" }, decided: false },
      { rule: 4, result: "unreadable", because: undefined, saw: {}, decided: false },
    ],
  );
  t.notMatch(JSON.stringify(resources), /R&D|sales/);
});

t.test("a decision reads each policy once, and reports a limited number of rules", (t) => {
  let read = 0;
  const rules = Array.from({ length: 20 }, (_, n) => ({ clients: [n === 19 ? "printer" : "other"] }));
  const counted = {
    id: "p",
    get rules() {
      read += 1;
      return rules;
    },
  };
  const ids = Array.from({ length: 50 }, (_, n) => `r${n}`);
  const asked = ids.map((resource_id) => ({ resource_id, resource_scopes: ["view"] }));
  const { resources, permissions } = decide({
    ...facts({ asked }, ...ids.map((resource_id) => ({ resource_id, policies: [{ id: "p", rules: [] }] }))),
    policies: [counted],
  });
  t.equal(read, 1);
  t.equal(permissions.length, 50);
  const { rules: told, untold } = resources[0]!.trace;
  t.strictSame(
    told.map(({ rule, decided }) => [rule, decided]),
    [...[1, 2, 3, 4, 5, 6, 7].map((rule) => [rule, false]), [20, true]],
  );
  t.equal(untold, 12);
  t.end();
});
