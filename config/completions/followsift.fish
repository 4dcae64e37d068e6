# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_followsift_global_optspecs
    string join \n s/settings= h/help V/version
end

function __fish_followsift_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_followsift_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_followsift_using_subcommand
    set -l cmd (__fish_followsift_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c followsift -n "__fish_followsift_needs_command" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_needs_command" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_needs_command" -s V -l version -d 'Print version'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "init" -d 'Set up an account: ask for what it needs, try the login, show what the rules would do, and write settings and rules'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "run" -d 'Watch all accounts until stopped: the service'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "sweep" -d 'Judge the new messages once, and move them as the rules say'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "resume" -d 'Let the next sweep move the messages that the fuse holds back, and those from before a new ledger'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "pause" -d 'Let the service judge and move nothing for a while, such as `2h`; it goes on by itself'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "unpause" -d 'End a pause before its time'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "known" -d 'List the followers you know, those you filed by hand, and the messages you have to confirm; add, forget or confirm one'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "status" -d 'Say how the service and its accounts are, and what came in the last week; the exit code says whether all is well'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "restore" -d 'Put filed messages back where they were, after showing them; their followers are known from then on'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "forget" -d 'Forget a follower for good: delete from the ledger all that names them'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "export" -d 'Write what the ledger knows of an account into a file, for another machine, name or provider'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "import" -d 'Take in what `export` wrote, into an account of this ledger'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "rebalance" -d 'Say which accounts move to another shard when there are more or fewer, and the commands that move their ledgers; change nothing'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "history" -d 'Say what became of each notification that followsift remembers, when, why, and on which facts'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "report" -d 'Show who came, the real ones first, and what was filed, by rule and over time'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "digest" -d 'Print what the next digest of your new followers would say; send nothing'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "suggest" -d 'Suggest rules that would have decided as you did where you put messages back or filed them by hand; change nothing'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "login" -d 'Grant followsift access to an account by OAuth2, where its provider wants no password'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "check" -d 'Report everything that is wrong with settings, rules, networks, lists, passwords and ledger'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "explain" -d 'Say what a message is, what the rules say about it, and why'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "filter" -d 'Pass one message from standard input on, with what the rules say in a header field: for mail hosts'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "milter" -d 'Judge each message that Postfix or Sendmail receives, and add a header field: a service for mail hosts'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "sample" -d 'Print a message with other names, addresses and tokens, to send in when a network changes its messages'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "backtest" -d 'Try rules on messages that you already have, in the order in which they came; change nothing'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "facts" -d 'List every fact that rules can use, and the networks whose messages show it'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "lookup" -d 'Ask your own server for the public profile of a follower, and show what is asked and the answer'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "networks" -d 'List the networks that followsift recognises, or describe one'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "providers" -d 'List the mail providers that the settings can name, or show one with the lines to write'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "judge" -d 'Try rules on a table of followers, such as an export of your own'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "schema" -d 'Print the JSON Schema of a file, so that editors complete and check it while you type'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "settings" -d 'Print the commented settings, or rules, to start your own from'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "completions" -d 'Print what a shell needs to complete commands and options'
complete -c followsift -n "__fish_followsift_needs_command" -f -a "help" -d 'Print the help of a command, or a page of the manual'
complete -c followsift -n "__fish_followsift_using_subcommand init" -l name -d 'The name of the account in the settings' -r
complete -c followsift -n "__fish_followsift_using_subcommand init" -l host -d 'The IMAP server, with its port where that is not 993 [default: that of your provider]' -r
complete -c followsift -n "__fish_followsift_using_subcommand init" -l tls-fingerprint -d 'Trust the certificate with this fingerprint, and no other' -r
complete -c followsift -n "__fish_followsift_using_subcommand init" -l user -d 'The name to log in with [default: the address, or what the provider takes]' -r
complete -c followsift -n "__fish_followsift_using_subcommand init" -l password-file -d 'Read the password from the first line of this file, now and later' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand init" -l password-command -d 'Run this program to get the password, now and later; without a shell' -r
complete -c followsift -n "__fish_followsift_using_subcommand init" -l client-id -d 'Log in by OAuth2, as the client of this id' -r
complete -c followsift -n "__fish_followsift_using_subcommand init" -l instance -d 'One of your own servers, on which you have an account; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand init" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand init" -l starttls -d 'Connect with STARTTLS [default: at port 143]'
complete -c followsift -n "__fish_followsift_using_subcommand init" -l password-stdin -d 'Take the password from standard input, and keep it in a file beside the settings that only you can read'
complete -c followsift -n "__fish_followsift_using_subcommand init" -l paste -d 'With --client-id: take the address to which the provider sends the browser from standard input'
complete -c followsift -n "__fish_followsift_using_subcommand init" -l look-up -d 'Look up what the messages of your own servers lack'
complete -c followsift -n "__fish_followsift_using_subcommand init" -l observe -d 'Only observe: move nothing until you remove `act = false` from the settings'
complete -c followsift -n "__fish_followsift_using_subcommand init" -l act -d 'Move messages from the first sweep on'
complete -c followsift -n "__fish_followsift_using_subcommand init" -s y -l yes -d 'Ask nothing: take the default of every question'
complete -c followsift -n "__fish_followsift_using_subcommand init" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand run" -l shard -d 'Watch only the accounts of this shard, such as `3/8`: number 3 of eight, which are numbered from 0' -r
complete -c followsift -n "__fish_followsift_using_subcommand run" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand run" -s v -l verbose -d 'Log more: every step, for finding a fault'
complete -c followsift -n "__fish_followsift_using_subcommand run" -s q -l quiet -d 'Log warnings and errors only'
complete -c followsift -n "__fish_followsift_using_subcommand run" -l json -d 'Log one JSON object for each event, on one line, where standard error does not lead to the journal'
complete -c followsift -n "__fish_followsift_using_subcommand run" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand sweep" -l since -d 'Judge again the messages that arrived within this time, such as `30d`' -r
complete -c followsift -n "__fish_followsift_using_subcommand sweep" -l account -d 'Work on this account only' -r
complete -c followsift -n "__fish_followsift_using_subcommand sweep" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand sweep" -l dry-run -d 'Show what followsift would do; change nothing'
complete -c followsift -n "__fish_followsift_using_subcommand sweep" -l lookup -d 'Look up followers of old messages too, as far as `[lookup]` allows; with --dry-run, look up at once'
complete -c followsift -n "__fish_followsift_using_subcommand sweep" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand resume" -l account -d 'Work on this account only' -r
complete -c followsift -n "__fish_followsift_using_subcommand resume" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand resume" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand pause" -l account -d 'Pause this account only' -r
complete -c followsift -n "__fish_followsift_using_subcommand pause" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand pause" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand unpause" -l account -d 'Go on with this account only' -r
complete -c followsift -n "__fish_followsift_using_subcommand unpause" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand unpause" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand known; and not __fish_seen_subcommand_from add forget confirm help" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand known; and not __fish_seen_subcommand_from add forget confirm help" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand known; and not __fish_seen_subcommand_from add forget confirm help" -f -a "add" -d 'Note that you know a follower'
complete -c followsift -n "__fish_followsift_using_subcommand known; and not __fish_seen_subcommand_from add forget confirm help" -f -a "forget" -d 'Forget that you know a follower, or that one is unwelcome; messages that you put back stay where they are'
complete -c followsift -n "__fish_followsift_using_subcommand known; and not __fish_seen_subcommand_from add forget confirm help" -f -a "confirm" -d 'Confirm that you put messages back by hand: their followers are known from then on'
complete -c followsift -n "__fish_followsift_using_subcommand known; and not __fish_seen_subcommand_from add forget confirm help" -f -a "help" -d 'Print the help of one of these commands'
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from add" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from forget" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from confirm" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from confirm" -l all -d 'Confirm all, except second copies, messages that came back because you starred or answered them, and what was restored without learning'
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from confirm" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from help" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand known; and __fish_seen_subcommand_from help" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand status" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand status" -l json -d 'Print one JSON object, on one line'
complete -c followsift -n "__fish_followsift_using_subcommand status" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l since -d 'Only what was judged or moved within this time, such as `7d`' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l until -d 'Only what was judged or moved at least this long ago, such as `1h`' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l account -d 'Only this account' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l network -d 'Only this network, such as `mastodon`' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l verdict -d 'Only messages with this verdict, such as `spam`, `real` or `undecided`' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l rule -d 'Only messages for whose verdict this rule counted' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l follower -d 'Only messages about this follower: a handle, a display name or a profile link' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l sweep -d 'Only what one sweep moved: `last`, or its minute as `history` shows it, such as `2026-11-27T08:15`' -r
complete -c followsift -n "__fish_followsift_using_subcommand restore" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l all -d 'Everything that followsift ever moved'
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l yes -d 'Do not ask'
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l no-learn -d 'Learn nothing: the messages are never moved again, and their followers do not become known'
complete -c followsift -n "__fish_followsift_using_subcommand restore" -l dry-run -d 'Show what would be put back; change nothing'
complete -c followsift -n "__fish_followsift_using_subcommand restore" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand forget" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand forget" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand export" -l account -d 'The account, as the ledger knows it [default: the only one]' -r
complete -c followsift -n "__fish_followsift_using_subcommand export" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand export" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand import" -l account -d 'The account that it is to go to [default: the one with its mailbox or its name, or the only one]' -r
complete -c followsift -n "__fish_followsift_using_subcommand import" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand import" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand rebalance" -l from -d 'How many shards there are' -r
complete -c followsift -n "__fish_followsift_using_subcommand rebalance" -l to -d 'How many there are to be' -r
complete -c followsift -n "__fish_followsift_using_subcommand rebalance" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand rebalance" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand history" -l since -d 'Only what was judged or moved within this time, such as `7d`' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -l until -d 'Only what was judged or moved at least this long ago, such as `1h`' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -l account -d 'Only this account' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -l network -d 'Only this network, such as `mastodon`' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -l verdict -d 'Only messages with this verdict, such as `spam`, `real` or `undecided`' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -l rule -d 'Only messages for whose verdict this rule counted' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -l follower -d 'Only messages about this follower: a handle, a display name or a profile link' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -l last -d 'Only so many entries, the newest' -r
complete -c followsift -n "__fish_followsift_using_subcommand history" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand history" -l json -d 'Print one JSON object for each entry, on one line'
complete -c followsift -n "__fish_followsift_using_subcommand history" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand report" -l since -d 'Only what came within this time, such as `7d`' -r
complete -c followsift -n "__fish_followsift_using_subcommand report" -l account -d 'Only this account' -r
complete -c followsift -n "__fish_followsift_using_subcommand report" -l html -d 'Write one page of HTML that a browser shows without any other file or request; `-` is standard output' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand report" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand report" -l json -d 'Print one JSON object, on one line'
complete -c followsift -n "__fish_followsift_using_subcommand report" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand digest" -l account -d 'Only this account' -r
complete -c followsift -n "__fish_followsift_using_subcommand digest" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand digest" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand suggest" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand suggest" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand login" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand login" -l paste -d 'Take the address to which the provider sends the browser from standard input: for a browser on another machine'
complete -c followsift -n "__fish_followsift_using_subcommand login" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand check" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand check" -l connect -d 'Also log in to each account, and show what its server can do'
complete -c followsift -n "__fish_followsift_using_subcommand check" -l json -d 'Print one JSON object for each finding, on one line, and nothing else: for editors'
complete -c followsift -n "__fish_followsift_using_subcommand check" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand explain" -l authserv-id -d 'How your mail server names itself in Authentication-Results: a name, `*.` and a domain, or an empty text if it does not; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand explain" -l instance -d 'One of your own servers, whose messages can be proven; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand explain" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand explain" -l json -d 'Print one JSON object for each message, on one line'
complete -c followsift -n "__fish_followsift_using_subcommand explain" -l brief -d 'Print the verdict alone, without what every rule says'
complete -c followsift -n "__fish_followsift_using_subcommand explain" -l lookup -d 'Look up what the messages lack, as far as `[lookup]` in the settings allows'
complete -c followsift -n "__fish_followsift_using_subcommand explain" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand filter" -l account -d 'Judge as for this account of the settings [default: the only one, or what all accounts have in common]' -r
complete -c followsift -n "__fish_followsift_using_subcommand filter" -l rules -d 'Judge by these rules [default: those of the settings, or those that ship]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand filter" -l authserv-id -d 'How your mail server names itself in Authentication-Results: a name, `*.` and a domain, or an empty text if it does not; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand filter" -l instance -d 'One of your own servers, whose messages can be proven; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand filter" -l recipient -d 'The recipient, whose earlier notifications count if the settings name a memory of deliveries' -r
complete -c followsift -n "__fish_followsift_using_subcommand filter" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand filter" -l exit-code -d 'Print nothing, and say the verdict by the exit code'
complete -c followsift -n "__fish_followsift_using_subcommand filter" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand milter" -l listen -d 'Where to listen: `unix:/PATH` or `inet:127.0.0.1:PORT` [default: the sockets that systemd has opened]' -r
complete -c followsift -n "__fish_followsift_using_subcommand milter" -l account -d 'Judge as for this account of the settings [default: the only one, or what all accounts have in common]' -r
complete -c followsift -n "__fish_followsift_using_subcommand milter" -l rules -d 'Judge by these rules [default: those of the settings, or those that ship]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand milter" -l authserv-id -d 'How your mail server names itself in Authentication-Results: a name, `*.` and a domain, or an empty text if it does not; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand milter" -l instance -d 'One of your own servers, whose messages can be proven; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand milter" -l users -d 'A folder with rules of recipients: NAME/rules.toml, where NAME is the address, or what stands before the `@`' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand milter" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand milter" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand sample" -l hide -d 'Replace this word too; can be given more than once' -r
complete -c followsift -n "__fish_followsift_using_subcommand sample" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand sample" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand backtest" -l since -d 'Only messages that arrived within this time, such as `90d`' -r
complete -c followsift -n "__fish_followsift_using_subcommand backtest" -l rules -d 'Try these rules, and list what the rules in use do differently' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand backtest" -l account -d 'Work on this account only' -r
complete -c followsift -n "__fish_followsift_using_subcommand backtest" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand backtest" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand facts" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand facts" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand lookup" -l network -d 'The network' -r
complete -c followsift -n "__fish_followsift_using_subcommand lookup" -l instance -d 'Which of your own servers to ask [default: the first]' -r
complete -c followsift -n "__fish_followsift_using_subcommand lookup" -l account -d 'Ask as this account only' -r
complete -c followsift -n "__fish_followsift_using_subcommand lookup" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand lookup" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand networks" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand networks" -l print -d 'Print the network\'s file as it ships, to start your own from; `generic` (a guess at the messages of any site) and `example` (a worked example) can be printed too'
complete -c followsift -n "__fish_followsift_using_subcommand networks" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand providers" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand providers" -l json -d 'Print one JSON object for each provider, on one line'
complete -c followsift -n "__fish_followsift_using_subcommand providers" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand judge" -l instance -d 'Your own server: on networks that anybody can host, handles without a host belong to it; if given more than once, they belong to none' -r
complete -c followsift -n "__fish_followsift_using_subcommand judge" -l authserv-id -d 'Accepted as for `explain`, without effect: a table proves nothing' -r
complete -c followsift -n "__fish_followsift_using_subcommand judge" -l facts -d 'The table: tab-separated, with a header; its column `source` begins with the network; `-` is standard input' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand judge" -l rules -d 'Try these rules instead of those in use' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand judge" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand judge" -l json -d 'Print one JSON object for each row, on one line'
complete -c followsift -n "__fish_followsift_using_subcommand judge" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand schema" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c followsift -n "__fish_followsift_using_subcommand settings" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand settings" -l print -d 'Print the file to standard output'
complete -c followsift -n "__fish_followsift_using_subcommand settings" -l rules -d 'The built-in rules instead'
complete -c followsift -n "__fish_followsift_using_subcommand settings" -s h -l help -d 'Print help'
complete -c followsift -n "__fish_followsift_using_subcommand completions" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c followsift -n "__fish_followsift_using_subcommand help" -s s -l settings -d 'The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]' -r -F
complete -c followsift -n "__fish_followsift_using_subcommand help" -s h -l help -d 'Print help'
