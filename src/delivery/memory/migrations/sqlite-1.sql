-- A row for each follower of each proven message to a recipient.
CREATE TABLE past (
    recipient TEXT NOT NULL,
    network TEXT NOT NULL,
    follower BLOB NOT NULL,
    message BLOB NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (recipient, message, follower)
) STRICT, WITHOUT ROWID;
CREATE INDEX past_by_follower ON past (recipient, follower, received, message);
CREATE INDEX past_by_network ON past (recipient, network, received, message);
CREATE INDEX past_by_time ON past (received);
