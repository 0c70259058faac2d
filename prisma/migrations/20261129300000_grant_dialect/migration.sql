-- The dialect of grants that are there is not known. Postgres adds the column without writing the table.
ALTER TABLE "grants" ADD COLUMN "dialect" TEXT;
