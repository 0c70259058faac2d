-- AlterTable
ALTER TABLE "grants" ADD COLUMN     "acr" TEXT,
ADD COLUMN     "claims_locales" TEXT[],
ADD COLUMN     "code_challenge" TEXT,
ADD COLUMN     "code_expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "code_uses" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "id_token_claims" TEXT[],
ADD COLUMN     "nonce" TEXT,
ADD COLUMN     "redirect_uri" TEXT,
ADD COLUMN     "redirect_uri_given" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "sid" TEXT,
ADD COLUMN     "userinfo_claims" TEXT[];

-- CreateTable
CREATE TABLE "sessions" (
    "id_hash" BYTEA NOT NULL,
    "sid" TEXT NOT NULL,
    "sub" TEXT NOT NULL,
    "user_epoch" INTEGER NOT NULL,
    "auth_time" TIMESTAMPTZ(3) NOT NULL,
    "amr" TEXT[],
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id_hash")
);

-- CreateTable
CREATE TABLE "interactions" (
    "id" TEXT NOT NULL,
    "browser_hash" BYTEA,
    "request" JSONB NOT NULL,
    "login_sid" TEXT,
    "consent" TEXT,
    "consent_sid" TEXT,
    "cancelled" BOOLEAN NOT NULL DEFAULT false,
    "failed_username" TEXT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "interactions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "consents" (
    "sub" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "scope" TEXT[],
    "given_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "consents_pkey" PRIMARY KEY ("sub","client_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "sessions_sid_key" ON "sessions"("sid");

-- CreateIndex
CREATE INDEX "sessions_sub_idx" ON "sessions"("sub");

-- CreateIndex
CREATE INDEX "sessions_expires_at_idx" ON "sessions"("expires_at");

-- CreateIndex
CREATE INDEX "interactions_expires_at_idx" ON "interactions"("expires_at");

-- CreateIndex
CREATE INDEX "grants_sid_idx" ON "grants"("sid");

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_sub_fkey" FOREIGN KEY ("sub") REFERENCES "users"("sub") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consents" ADD CONSTRAINT "consents_sub_fkey" FOREIGN KEY ("sub") REFERENCES "users"("sub") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consents" ADD CONSTRAINT "consents_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;

