-- A master key can be replaced by another one (docs/decisions/0017).
ALTER TABLE "installation" ADD COLUMN "master_key_since" TIMESTAMPTZ(3),
ADD COLUMN "lasting_keys" BYTEA;
