-- Until when the owner of a conversation lets operators read it, in milliseconds since 1970.
ALTER TABLE conversations ADD COLUMN granted_until INTEGER;
CREATE INDEX conversations_granted ON conversations (granted_until) WHERE granted_until IS NOT NULL;
