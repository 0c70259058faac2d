-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "claims_redirect_uris" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- CreateTable
CREATE TABLE "uma_resources" (
    "id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "owner" TEXT,
    "name" TEXT,
    "type" TEXT,
    "uri" TEXT,
    "icon_uri" TEXT,
    "description" TEXT,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "uma_resources_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "uma_policies" (
    "id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "owner" TEXT,
    "rules" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "uma_policies_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "uma_policy_resources" (
    "policy_id" TEXT NOT NULL,
    "resource_id" TEXT NOT NULL,

    CONSTRAINT "uma_policy_resources_pkey" PRIMARY KEY ("policy_id","resource_id")
);

-- CreateTable
CREATE TABLE "uma_tickets" (
    "id" TEXT NOT NULL,
    "resource_server" TEXT NOT NULL,
    "client_id" TEXT,
    "permissions" JSONB NOT NULL,
    "sub" TEXT,
    "user_epoch" INTEGER,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "uma_tickets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "uma_approvals" (
    "resource_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "party" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "asked_at" TIMESTAMPTZ(3) NOT NULL,
    "decided_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "uma_approvals_pkey" PRIMARY KEY ("resource_id","client_id","party","scope")
);

-- CreateTable
CREATE TABLE "uma_decisions" (
    "id" TEXT NOT NULL,
    "resource_id" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "sub" TEXT,
    "owner" TEXT,
    "asked" TEXT[],
    "granted" TEXT[],
    "trace" JSONB NOT NULL,
    "decided_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "uma_decisions_pkey" PRIMARY KEY ("id","resource_id")
);

-- CreateIndex
CREATE INDEX "uma_resources_client_id_id_idx" ON "uma_resources"("client_id", "id");

-- CreateIndex
CREATE INDEX "uma_resources_client_id_owner_id_idx" ON "uma_resources"("client_id", "owner", "id");

-- CreateIndex
CREATE INDEX "uma_policies_client_id_id_idx" ON "uma_policies"("client_id", "id");

-- CreateIndex
CREATE INDEX "uma_policies_client_id_owner_id_idx" ON "uma_policies"("client_id", "owner", "id");

-- CreateIndex
CREATE INDEX "uma_policy_resources_resource_id_idx" ON "uma_policy_resources"("resource_id");

-- CreateIndex
CREATE INDEX "uma_tickets_expires_at_idx" ON "uma_tickets"("expires_at");

-- CreateIndex
CREATE INDEX "uma_approvals_owner_asked_at_idx" ON "uma_approvals"("owner", "asked_at");

-- CreateIndex
CREATE INDEX "uma_approvals_expires_at_idx" ON "uma_approvals"("expires_at");

-- CreateIndex
CREATE INDEX "uma_decisions_owner_decided_at_idx" ON "uma_decisions"("owner", "decided_at");

-- CreateIndex
CREATE INDEX "uma_decisions_decided_at_idx" ON "uma_decisions"("decided_at");

-- AddForeignKey
ALTER TABLE "uma_resources" ADD CONSTRAINT "uma_resources_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "uma_policies" ADD CONSTRAINT "uma_policies_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "uma_policy_resources" ADD CONSTRAINT "uma_policy_resources_policy_id_fkey" FOREIGN KEY ("policy_id") REFERENCES "uma_policies"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "uma_policy_resources" ADD CONSTRAINT "uma_policy_resources_resource_id_fkey" FOREIGN KEY ("resource_id") REFERENCES "uma_resources"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "uma_approvals" ADD CONSTRAINT "uma_approvals_resource_id_fkey" FOREIGN KEY ("resource_id") REFERENCES "uma_resources"("id") ON DELETE CASCADE ON UPDATE CASCADE;
