/** The part of node-postgres that its types leave out. */
declare module "pg/lib/utils" {
  /** The text of a parameter, as PostgreSQL reads it: of dates, lists, objects and numbers too. */
  export function prepareValue(value: unknown): Buffer | string | null;
}
