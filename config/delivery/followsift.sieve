# Files followers' spam at delivery, by the header field that `followsift filter` adds. For Dovecot's Pigeonhole, with
#
#   plugin {
#     sieve_plugins = sieve_extprograms
#     sieve_global_extensions = +vnd.dovecot.filter
#     sieve_filter_bin_dir = /usr/lib/dovecot/sieve-filter     # with a link `followsift` to the program
#     sieve_before = /etc/dovecot/sieve-before.d               # with this script
#   }
#
# Put the name that your mail server writes into Authentication-Results in place of mx.example.org: without it nothing is proven.
require ["vnd.dovecot.filter", "envelope", "variables", "fileinto", "mailbox"];

# The recipient counts only if the settings name a memory of deliveries (`followsift help operation`).
if envelope :matches "to" "*" {
  set "recipient" "${1}";
}
# If the program fails, Pigeonhole goes on with the message as it was.
filter "followsift" ["filter", "--recipient=${recipient}", "--authserv-id", "mx.example.org"];

if header :matches "X-Followsift" "*; verdict=spam;*" {
  fileinto :create "Followers/Spam";
  stop;
}
