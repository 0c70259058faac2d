import pg from "pg";

/** What the instances of this process say to each other and to themselves, request or not. */
const HOUSEKEEPING = /^(SELECT 1|LISTEN )/;

/**
 * Runs something and returns every statement that left this process meanwhile, whoever sent it: Prisma, a named
 * statement, a transaction's BEGIN. Counted where they leave, at the connection.
 */
export async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const sent: string[] = [];
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: any[]) {
    const text = typeof args[0] === "string" ? args[0] : (args[0]?.text ?? "");
    if (!HOUSEKEEPING.test(text)) sent.push(text);
    return (original as (...given: unknown[]) => unknown).apply(this, args);
  } as typeof original;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = original;
  }
  return sent;
}
