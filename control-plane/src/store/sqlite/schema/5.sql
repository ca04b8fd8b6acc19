-- Where somebody was, with which device, and what they called their tokens, is taken out with what they worked on once they are
-- erased. The fields are those of `AuditEntry::hide_person`.
DROP TRIGGER audit_is_not_changed;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
WHEN NEW.n IS NOT OLD.n OR NEW.at IS NOT OLD.at OR NEW.who IS NOT OLD.who OR NEW.kind IS NOT OLD.kind
    OR NEW.object IS NOT OLD.object
    OR NEW.detail IS NOT json_remove(
        OLD.detail, '$.subject', '$.input', '$.always', '$.address', '$.device', '$.name', '$.token.name'
    )
BEGIN SELECT RAISE(ABORT, 'the audit trail is not changed'); END;

-- Of those who were erased before: what has an id for a name and is no user.
UPDATE audit SET detail = json_remove(
    detail, '$.subject', '$.input', '$.always', '$.address', '$.device', '$.name', '$.token.name'
)
WHERE length(who) = 36 AND replace(who, '-', '') NOT IN (SELECT lower(hex(id)) FROM users) AND coalesce(
    json_type(detail, '$.address'), json_type(detail, '$.device'), json_type(detail, '$.name'),
    json_type(detail, '$.token.name')
) IS NOT NULL;
