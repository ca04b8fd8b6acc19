-- Who is being erased stays so over a restart.
ALTER TABLE users ADD COLUMN erasing INTEGER NOT NULL DEFAULT 0;
