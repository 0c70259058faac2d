-- One number that is a part of every client's and every person's epoch: raising it ends everything that was issued, with
-- one short statement (docs/decisions/0003). A database without the row is in epoch 0.
CREATE TABLE "deployment_epoch" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "token_epoch" INTEGER NOT NULL,
    CONSTRAINT "deployment_epoch_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "deployment_epoch_one_row" CHECK ("id" = 1)
);

-- Instances remember clients with their epochs, so each forgets all of them.
CREATE TRIGGER deployment_epoch_notify AFTER INSERT OR UPDATE OR DELETE ON deployment_epoch
  FOR EACH ROW EXECUTE FUNCTION jeton_notify('everything');
