-- How a database that was restored from a backup is told from one that went on (docs/decisions/0012).
ALTER TABLE "installation" ADD COLUMN     "era" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "restored_at" TIMESTAMPTZ(3),
ADD COLUMN     "system_identifier" BIGINT,
ADD COLUMN     "database_oid" BIGINT;

-- CreateTable
CREATE TABLE "restore_witnesses" (
    "id" INTEGER NOT NULL,
    "xid" BIGINT NOT NULL,

    CONSTRAINT "restore_witnesses_pkey" PRIMARY KEY ("id")
);
