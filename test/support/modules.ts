import { dirname, join } from "node:path";
import ts from "typescript";

/**
 * The modules of a program, read from their syntax trees: what each imports and exports. Types count like values, because a
 * reader follows both.
 */
export interface Module {
  /** Relative to the root of the program. */
  readonly file: string;
  readonly imports: readonly Import[];
  readonly exports: readonly string[];
}

export interface Import {
  /** The module as it is written: `./a.js`, `pg`, `node:fs`. */
  readonly from: string;
  /** The names it takes; undefined where it takes the whole module. */
  readonly names: readonly string[] | undefined;
  /** Whether the compiler drops the import, because it takes types only. */
  readonly typesOnly: boolean;
}

/** Reads a module from its text. */
export function readModule(file: string, text: string): Module {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    imports.push(...importsOf(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { file, imports, exports: source.statements.flatMap(exportsOf) };
}

function importsOf(node: ts.Node): readonly Import[] {
  if (ts.isImportDeclaration(node)) return [{ from: textOf(node.moduleSpecifier), ...takenBy(node.importClause) }];
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    const names = node.exportClause && ts.isNamedExports(node.exportClause) ? namesIn(node.exportClause) : undefined;
    return [{ from: textOf(node.moduleSpecifier), names, typesOnly: node.isTypeOnly }];
  }
  if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name))
    return [{ from: node.name.text, names: typesIn(node), typesOnly: true }];
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const names = node.qualifier === undefined ? undefined : [node.qualifier.getText()];
    return [{ from: textOf(node.argument.literal), names, typesOnly: true }];
  }
  return ts.isCallExpression(node) ? loadedBy(node) : [];
}

/** The types that a declaration names: one that augments a module sees its exports without an import. */
function typesIn(node: ts.Node): readonly string[] {
  const own =
    ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node) ? [node.getChildAt(0).getText()] : [];
  const inner: string[] = [];
  ts.forEachChild(node, (child) => void inner.push(...typesIn(child)));
  return [...own, ...inner];
}

/** `import("x")` and `createRequire(…).resolve("x")`. The first takes the names that its result is destructured into. */
function loadedBy(call: ts.CallExpression): readonly Import[] {
  const [from] = call.arguments;
  const isImport = call.expression.kind === ts.SyntaxKind.ImportKeyword;
  const isResolve = /(^|\.)resolve$/.test(call.expression.getText());
  if (from === undefined || !ts.isStringLiteral(from) || !(isImport || isResolve)) return [];
  const binding = ts.isAwaitExpression(call.parent) ? call.parent.parent : undefined;
  const isTaken = binding !== undefined && ts.isVariableDeclaration(binding) && ts.isObjectBindingPattern(binding.name);
  const names = isTaken ? binding.name.elements.map((one) => (one.propertyName ?? one.name).getText()) : undefined;
  return [{ from: from.text, names, typesOnly: false }];
}

function takenBy(clause: ts.ImportClause | undefined): Pick<Import, "names" | "typesOnly"> {
  if (clause === undefined) return { names: [], typesOnly: false };
  const { name, namedBindings: bindings, isTypeOnly } = clause;
  if (bindings !== undefined && ts.isNamespaceImport(bindings)) return { names: undefined, typesOnly: isTypeOnly };
  const named = bindings === undefined ? [] : bindings.elements;
  const names = [...(name === undefined ? [] : ["default"]), ...namesIn({ elements: named })];
  const typesOnly = isTypeOnly || (name === undefined && named.length > 0 && named.every((one) => one.isTypeOnly));
  return { names, typesOnly };
}

function namesIn({ elements }: { readonly elements: Iterable<ts.ImportSpecifier | ts.ExportSpecifier> }): string[] {
  return [...elements].map((one) => (one.propertyName ?? one.name).text);
}

function exportsOf(statement: ts.Statement): readonly string[] {
  if (ts.isExportAssignment(statement)) return ["default"];
  if (ts.isExportDeclaration(statement)) {
    const { exportClause: clause } = statement;
    if (clause === undefined) return ["*"];
    return ts.isNamedExports(clause) ? clause.elements.map((one) => one.name.text) : [clause.name.text];
  }
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  const has = (kind: ts.SyntaxKind) => modifiers.some((one) => one.kind === kind);
  if (!has(ts.SyntaxKind.ExportKeyword)) return [];
  if (has(ts.SyntaxKind.DefaultKeyword)) return ["default"];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => boundBy(name));
  const { name } = statement as ts.FunctionDeclaration | ts.ClassDeclaration | ts.InterfaceDeclaration;
  return name === undefined ? [] : [name.text];
}

function boundBy(name: ts.BindingName): readonly string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((one) => (ts.isOmittedExpression(one) ? [] : boundBy(one.name)));
}

function textOf(node: ts.Node): string {
  return ts.isStringLiteral(node) ? node.text : "";
}

/** The file that a relative import names: `./b.js` in `a/x.ts` is `a/b.ts`. Undefined for a package. */
export function targetOf(file: string, { from }: Pick<Import, "from">): string | undefined {
  return from.startsWith(".") ? join(dirname(file), from).replace(/\.js$/, ".ts") : undefined;
}

/** The files of one import cycle, the first one again at the end; undefined if there is none. */
export function findCycle(modules: readonly Module[]): readonly string[] | undefined {
  const byFile = new Map(modules.map((one) => [one.file, one]));
  const acyclic = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (acyclic.has(file)) return undefined;
    for (const one of byFile.get(file)?.imports ?? []) {
      const target = targetOf(file, one);
      const cycle = target === undefined ? undefined : visit(target, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    acyclic.add(file);
    return undefined;
  };
  for (const { file } of modules) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** `file: name` of each export that no other of these modules imports. */
export function unusedExports(modules: readonly Module[]): readonly string[] {
  const taken = new Set<string>();
  const takenWhole = new Set<string>();
  for (const { file, imports } of modules) {
    for (const one of imports) {
      const target = targetOf(file, one);
      if (target === undefined) continue;
      if (one.names === undefined) takenWhole.add(target);
      for (const name of one.names ?? []) taken.add(`${target}: ${name}`);
    }
  }
  return modules
    .filter(({ file }) => !takenWhole.has(file))
    .flatMap(({ file, exports }) => exports.map((name) => `${file}: ${name}`))
    .filter((one) => !taken.has(one));
}

/** The packages of package.json, by where they are declared. */
export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

/** Commands that do not have the name of their package. */
const COMMANDS: Readonly<Record<string, string>> = { "@typescript/native-preview": "tsgo" };

/**
 * Says which packages are used and not declared, or declared and not used. The product may use `devDependencies` for types
 * only. A development tool is also used if a script runs it, and `@types/x` if something uses `x`.
 * @param product the modules of the product
 * @param tools all other modules
 */
export function packageFaults(
  manifest: Manifest,
  product: readonly Module[],
  tools: readonly Module[],
): readonly string[] {
  const installed = Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  });
  const development = Object.keys(manifest.devDependencies);
  const needed = packagesOf(product, (one) => !one.typesOnly);
  const typed = packagesOf(product, (one) => one.typesOnly);
  const used = new Set([...needed, ...typed, ...packagesOf(tools, () => true)]);
  const runs = (name: string) =>
    Object.values(manifest.scripts).some((script) => script.split(/[\s"]+/).includes(COMMANDS[name] ?? name));
  const isUsed = (name: string) => used.has(name) || runs(name) || used.has(name.replace(/^@types\//, ""));
  const missing = [...used].filter((name) => {
    const isDeclared = installed.includes(name) || (!needed.has(name) && development.includes(name));
    return name !== "node" && !isDeclared;
  });
  return [
    ...missing.map((name) => `${name} is used, but not declared`),
    ...installed
      .filter((name) => !needed.has(name))
      .map((name) => `${name} is a dependency, but the product does not use it`),
    ...development.filter((name) => !isUsed(name)).map((name) => `${name} is declared, but not used`),
  ];
}

/** Names of packages; `node` stands for the modules of Node itself. */
function packagesOf(modules: readonly Module[], filter: (one: Import) => boolean): ReadonlySet<string> {
  const names = modules
    .flatMap(({ imports }) => imports.filter(filter))
    .filter(({ from }) => !from.startsWith("."))
    .map(({ from }) =>
      from.startsWith("node:")
        ? "node"
        : from
            .split("/")
            .slice(0, from.startsWith("@") ? 2 : 1)
            .join("/"),
    );
  return new Set(names);
}
