import ts from "typescript";

/**
 * A test that reads two clocks passes on the day it is written and fails on a later one. So a test file has one clock:
 *
 * - The machine's. The file reads it through `systemClock`, so that a reader sees which clock it is, and never through `Date`.
 * - Or a `TestClock`. Then each instance, each command and each verification in the file gets that clock, and no SQL text in
 *   it says `now()`. The file imports nothing that always reads the machine's clock: processes, browsers, client libraries.
 *
 * In both cases each verification gets the time, and a file that starts a server contains no literal date.
 *
 * @returns one line for each violation in the text of a file, with its line number
 */
export function clockFaults(text: string): readonly string[] {
  const source = ts.createSourceFile("a.ts", text, ts.ScriptTarget.Latest);
  const nodes = everyNode(source);
  const imported = new Set(nodes.filter(ts.isImportDeclaration).flatMap(importsOf));
  const calls = nodes.filter(ts.isCallExpression);
  const hasServer = calls.some((call) => nameOf(call) === "startInstance");
  const rules = [...ALWAYS, ...(hasServer ? WITH_SERVER : []), ...(imported.has("TestClock") ? WITH_TEST_CLOCK : [])];
  return nodes.flatMap((node) => rules.flatMap((rule) => withPlace(source, node, rule(node))));
}

/** Says what is wrong with a node of the syntax tree. */
type Rule = (node: ts.Node) => string | undefined;

/** Calls of jose that compare a token's times with the machine's clock unless they get `currentDate`. Each gets a token. */
const VERIFICATIONS = ["jwtVerify", "jwtDecrypt"];

/** Calls that use the machine's clock unless they get a clock, in their options or as an argument. */
const TAKES_A_CLOCK = ["startInstance", "runCommandLine"];

/** Modules that always read the machine's clock. */
const READS_THE_MACHINE =
  /^(oauth4webapi|openid-client|.+-openid-?connect|express-oauth2-jwt-bearer|@fastify\/jwt|playwright-core)$|\/support\/(process|chromium)\.js$/;

const MACHINE = "reads the machine's clock: use systemClock.now(), or the test's clock";

const ALWAYS: readonly Rule[] = [
  (node) => (ts.isPropertyAccessExpression(node) && node.name.text === "now" && isDate(node) ? MACHINE : undefined),
  (node) => (ts.isNewExpression(node) && isDate(node) && !node.arguments?.length ? MACHINE : undefined),
  (node) => (ts.isCallExpression(node) && isDate(node) ? MACHINE : undefined),
  (node) => (isDatedByJose(node) ? "makes jose read the machine's clock: pass a Date or a number" : undefined),
  (node) =>
    ts.isCallExpression(node) &&
    node.arguments.length > 0 &&
    VERIFICATIONS.includes(nameOf(node)) &&
    !isGiven(node, "currentDate")
      ? `${nameOf(node)} has no currentDate`
      : undefined,
  (node) =>
    isText(node) && /-BEGIN CERTIFICATE-+\s*MII/.test(node.text)
      ? "contains a certificate: make it when the test runs"
      : undefined,
];

const WITH_SERVER: readonly Rule[] = [
  (node) =>
    isText(node) && /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(node.text)
      ? `contains the date ${node.text}: derive it from the test's clock`
      : undefined,
];

const WITH_TEST_CLOCK: readonly Rule[] = [
  (node) =>
    ts.isIdentifier(node) && node.text === "systemClock" ? "uses the machine's clock beside a TestClock" : undefined,
  (node) =>
    ts.isCallExpression(node) && TAKES_A_CLOCK.includes(nameOf(node)) && !isGiven(node, "clock")
      ? `${nameOf(node)} gets no clock, beside a TestClock`
      : undefined,
  (node) =>
    isText(node) && /\bnow\(\)|\b(current_(timestamp|date|time)|localtimestamp)\b/i.test(node.text)
      ? "reads the database's clock, beside a TestClock"
      : undefined,
  (node) =>
    ts.isImportDeclaration(node) && READS_THE_MACHINE.test((node.moduleSpecifier as ts.StringLiteral).text)
      ? `imports ${(node.moduleSpecifier as ts.StringLiteral).text}, which reads the machine's clock, beside a TestClock`
      : undefined,
];

function everyNode(node: ts.Node): readonly ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (one: ts.Node): void => {
    found.push(one);
    ts.forEachChild(one, visit);
  };
  visit(node);
  return found;
}

function importsOf({ importClause }: ts.ImportDeclaration): readonly string[] {
  const named = importClause?.namedBindings;
  return named !== undefined && ts.isNamedImports(named) ? named.elements.map(({ name }) => name.text) : [];
}

function withPlace(source: ts.SourceFile, node: ts.Node, fault: string | undefined): readonly string[] {
  return fault === undefined
    ? []
    : [`line ${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1} ${fault}`];
}

/** The name of the called function, without what stands before its last dot. */
function nameOf({ expression }: ts.CallExpression): string {
  if (ts.isPropertyAccessExpression(expression)) return expression.name.text;
  return ts.isIdentifier(expression) ? expression.text : "";
}

function isDate({ expression }: { readonly expression: ts.Expression }): boolean {
  return ts.isIdentifier(expression) && expression.text === "Date";
}

/** `setIssuedAt()`, `setExpirationTime("5m")` and the like. */
function isDatedByJose(node: ts.Node): boolean {
  if (!ts.isCallExpression(node)) return false;
  const [time] = node.arguments;
  return /^set(IssuedAt|ExpirationTime|NotBefore)$/.test(nameOf(node)) && (time === undefined || isText(time));
}

/** Whether an argument has that name, or is an object literal with a member of that name. */
function isGiven({ arguments: given }: ts.CallExpression, name: string): boolean {
  return given.some((one) =>
    ts.isObjectLiteralExpression(one)
      ? one.properties.some((member) => member.name && ts.isIdentifier(member.name) && member.name.text === name)
      : ts.isIdentifier(one) && one.text === name,
  );
}

function isText(node: ts.Node): node is ts.Node & { readonly text: string } {
  return ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
}
