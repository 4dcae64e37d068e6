-- Version 11.

-- Learned from a proven message, or added by the user. What an unproven message taught protects unproven messages alone, so that
-- one that an impersonator sent protects nothing else.
ALTER TABLE known_follower ADD COLUMN proven INTEGER NOT NULL DEFAULT 1;
UPDATE known_follower SET proven = 0
WHERE origin = 'put-back' AND NOT EXISTS (
    SELECT 1 FROM mail JOIN judgement ON judgement.id = mail.latest
    WHERE mail.id = known_follower.mail AND authentic = 'pass');
