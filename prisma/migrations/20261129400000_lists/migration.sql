-- Lists for administrators. Each page is read through an index.

-- Users by the beginning of their login name, in the order of bytes, whatever the collation of the database.
CREATE INDEX "user_identifiers_login_name" ON "user_identifiers" ("value" COLLATE "C") WHERE "kind" = 'login';

-- The clients of a dialect. Counting writes neither column.
CREATE INDEX "dialect_usage_dialect_client_id_idx" ON "dialect_usage" ("dialect", "client_id");

-- The resources and policies of an owner, in the order of their ids, which the earlier indexes did not have.
DROP INDEX "uma_resources_of_owner";
CREATE INDEX "uma_resources_of_owner" ON "uma_resources" ("owner", "id") WHERE "owner" IS NOT NULL;
DROP INDEX "uma_policies_of_owner";
CREATE INDEX "uma_policies_of_owner" ON "uma_policies" ("owner", "id") WHERE "owner" IS NOT NULL;

-- The identity of a device whose key is not known here: its entry came from another server without its secrets.
ALTER TABLE "device_psks" ALTER COLUMN "sealed" DROP NOT NULL;
