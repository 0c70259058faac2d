import { COMMANDS } from "../../src/admin/commands.js";
import { isServed, type AnyCommand } from "../../src/admin/command.js";
import { usageOf } from "../../src/admin/flags.js";
import { scopeOf } from "../../src/admin/powers.js";
import { routeOf } from "../../src/admin/route.js";

/** The table of commands in docs/administration.md, as it has to be. */

/** The lines before and after the table. */
const BEGIN = "| Command | Admin API | Scope | |\n|---|---|---|---|\n";

/** The page with the present table. */
export function withCommandTable(page: string): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length;
  const end = page.indexOf("\n\n", begin);
  return page.slice(0, begin) + COMMANDS.map(lineOf).join("\n") + page.slice(end);
}

function lineOf(command: AnyCommand): string {
  const { name, does } = command;
  const usage = `\`jeton ${[name, usageOf(command)].filter(Boolean).join(" ").replaceAll("|", "\\|")}\``;
  if (!isServed(command)) return `| ${usage} | only on the machine: ${command.local} | | ${does} |`;
  const { method, path } = routeOf(command);
  return `| ${usage} | \`${method} ${path.replace(/:(\w+)/g, "{$1}")}\` | \`${scopeOf(command.access)}\` | ${does} |`;
}
