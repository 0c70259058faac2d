-- The latest questions to an owner in each state are one range, however many there are.
CREATE INDEX "uma_approvals_owner_state_asked_at_idx" ON "uma_approvals" ("owner", "state", "asked_at");
DROP INDEX "uma_approvals_owner_asked_at_idx";
