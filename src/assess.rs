//! Profiles, rules and recall together: the bytes of a mail to an action, with every reason. Pure.
