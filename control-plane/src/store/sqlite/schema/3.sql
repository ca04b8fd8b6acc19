-- What somebody worked on can be taken out of what they did once they are erased; nothing else of a deed is changed, then
-- or ever. The fields are those of `AuditEntry::hide_content`.
DROP TRIGGER audit_is_not_changed;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
WHEN NEW.n IS NOT OLD.n OR NEW.at IS NOT OLD.at OR NEW.who IS NOT OLD.who OR NEW.kind IS NOT OLD.kind
    OR NEW.object IS NOT OLD.object
    OR NEW.detail IS NOT json_remove(OLD.detail, '$.subject', '$.input', '$.always')
BEGIN SELECT RAISE(ABORT, 'the audit trail is not changed'); END;

-- Of those who were erased before.
UPDATE audit SET detail = json_remove(detail, '$.subject', '$.input', '$.always')
WHERE kind = 'prompt_answered' AND replace(who, '-', '') NOT IN (SELECT lower(hex(id)) FROM users);
