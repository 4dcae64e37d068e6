# A mail server in the container of container.sh, and what scripts ask of it. Sourced after it; the sourcing script defines `fail WHAT`.

# put FILE [MODE]: writes standard input to a file in the container.
put() { inside sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"' sh "$1" "${2:-644}"; }

# mail_server [LINE...]: starts a Dovecot on 127.0.0.1, in which every user has the password `secret`; further lines of its configuration.
mail_server() {
  { cat; printf '%s\n' "$@"; } <<'CONF' | put /etc/dovecot/test.conf
protocols = imap
listen = 127.0.0.1
disable_plaintext_auth = no
mail_location = maildir:/srv/mail/%u
mail_uid = 1999
mail_gid = 1999
first_valid_uid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=1999 gid=1999 home=/srv/mail/%u
}
CONF
  inside install -d -o 1999 -g 1999 /srv/mail
  inside systemd-run --quiet --unit=mailserver dovecot -F -c /etc/dovecot/test.conf
}

# deliver FIRST LAST: messages about followers who follow two thousand, to ann.
deliver() {
  local n
  inside install -d -o 1999 -g 1999 -m 700 /srv/mail/ann /srv/mail/ann/tmp /srv/mail/ann/new /srv/mail/ann/cur
  for n in $(seq "$1" "$2"); do
    sed "1i Message-ID: <$n@twitter.com>" tests/corpus/twitter/box-2009/message.eml |
      sed "s/tiff_snow/bulk_$n/g; s/Tiffani Snow/Bulk $n/g" |
      inside sh -c 'umask 077; cat >/srv/mail/ann/tmp/$1 && chown 1999:1999 /srv/mail/ann/tmp/$1 && mv /srv/mail/ann/tmp/$1 /srv/mail/ann/new/$1.M$1' sh "$n"
  done
}

# count FOLDER: the messages in a Maildir.
count() { inside sh -c "find '$1' -maxdepth 2 -type f \( -path '*/new/*' -o -path '*/cur/*' \) 2>/dev/null | wc -l"; }

# until_true WHAT SECONDS CONDITION...
until_true() {
  local what=$1 left=$(($2 * 5)); shift 2
  until "$@"; do left=$((left - 1)); [ $left -gt 0 ] || fail "$what"; sleep 0.2; done
}

# metrics PORT|SOCKET: what Prometheus would read. In Perl, which every Debian has.
metrics() {
  inside perl -MIO::Socket::UNIX -MIO::Socket::INET -e '
    my $at = shift;
    my $s = $at =~ m(^/) ? IO::Socket::UNIX->new(Peer => $at) : IO::Socket::INET->new(PeerAddr => $at);
    die "$at: $!\n" unless $s;
    print $s "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    local $/; my $all = <$s>; $all =~ s/^HTTP\/1\.1 200 OK\r\n.*?\r\n\r\n//s or die $all; print $all' "$1"
}

# milter ADDRESS RECIPIENT <MESSAGE: what a mail server is told to add by the milter at this port.
milter() {
  inside perl -MIO::Socket::INET -e '
    my ($at, $recipient) = @ARGV;
    my $s = IO::Socket::INET->new(PeerAddr => $at, Timeout => 20) or die "$at: $!\n";
    sub packet { print $s pack("N/a*", join "", @_); $s->flush }
    sub answer { read($s, my $n, 4) == 4 or die "no answer\n"; read $s, my $all, unpack "N", $n; $all }
    # With all that spares answers (the milter protocol, version 6).
    packet("O", pack "N3", 6, 0x1ff, 0x1fffff); answer();
    packet("R", "<$recipient>\0");
    local $/; my ($header, $body) = split /\n\n/, <STDIN>, 2;
    $header =~ s/\n(?=[ \t])/\0fold\0/g;
    for (split /\n/, $header) { s/\0fold\0/\n/g; packet("L", join("\0", split(/:/, $_, 2)), "\0") }
    packet("B", $body =~ s/\n/\r\n/gr); answer();
    packet("E");
    while ((my $said = answer()) !~ /^c/) { print $said =~ tr/\0/ /r, "\n" if $said =~ /^h/ }' "$1" "$2"
}
