-- A row for each follower of each proven message to a recipient.
CREATE TABLE followsift_past (
    recipient text NOT NULL,
    network text NOT NULL,
    follower bytea NOT NULL,
    message bytea NOT NULL,
    received bigint NOT NULL,
    PRIMARY KEY (recipient, message, follower)
);
CREATE INDEX followsift_past_by_follower ON followsift_past (recipient, follower, received, message);
CREATE INDEX followsift_past_by_network ON followsift_past (recipient, network, received, message);
CREATE INDEX followsift_past_by_time ON followsift_past (received);
CREATE TABLE followsift_version (version bigint NOT NULL);
INSERT INTO followsift_version VALUES (1);
