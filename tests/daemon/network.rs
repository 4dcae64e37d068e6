//! The network of this machine: packets that vanish, a network that comes back, another address.

use super::*;

#[test]
fn packets_that_vanish_are_noticed_and_the_network_coming_back_too() {
    let Some(net) = Net::up() else { return };
    let options = Options { conf: "listen = *".to_owned(), ..Options::default() };
    let Some(server) = Dovecot::start(&options) else { return };
    let pem = std::fs::read(server.path().join("server.pem")).unwrap();
    let pin = followsift_fingerprint(&pem);
    let home = Home::new();
    let table = account("home", server.tls_port, &format!("tls-fingerprint = \"{pin}\""))
        .replace("\"off\"", "\"implicit\"")
        .replace("127.0.0.1", &net.host());
    home.write("followsift.toml", &format!("state = \"state\"\n{table}"));
    let inside = home.command(&["run"]);
    let mut command = std::process::Command::new("ip");
    command.args(["netns", "exec", &net.name]).arg(inside.get_program()).args(inside.get_args());
    command.env("HOME", home.path());
    let daemon = home.run_as(command);
    daemon.says("watching home");
    deliver(&server, [1]);
    filed(&server, &daemon, 1, SOON);

    // Nothing passes, and nothing reports that.
    net.cut();
    deliver(&server, [2]);
    let noticed = daemon.until("noticed", seconds(90), |it| it.status().contains("home is away"));
    let why = daemon.status();
    // The network is away for a while, and comes back.
    net.lose();
    daemon.until("out of reach", seconds(60), |it| it.log().contains("unreachable"));
    net.heal();
    let back = filed(&server, &daemon, 2, seconds(20));
    aloud(&format!("a black hole was noticed after {noticed:?}, the network after {back:?}: {why}"));

    // Another network: the line is dead, and that is known at once.
    deliver(&server, [3]);
    filed(&server, &daemon, 3, SOON);
    net.cut();
    net.readdress();
    daemon.until("noticed", seconds(25), |it| it.log().matches("connecting again").count() > 1);
}

/// A network of its own for the service, joined to ours by a cable that can be cut. Gone when dropped.
struct Net {
    name: String,
    subnet: String,
}

impl Net {
    fn up() -> Option<Self> {
        let number = std::process::id() % 200 + 20;
        let net = Self { name: format!("fsift{number}"), subnet: format!("10.203.{number}") };
        let Self { name, subnet } = &net;
        let steps = [
            format!("netns add {name}"),
            format!("link add {name}h type veth peer name {name}n"),
            format!("link set {name}n netns {name}"),
            format!("addr add {subnet}.1/24 dev {name}h"),
            format!("link set {name}h up"),
            format!("-n {name} addr add {subnet}.2/24 dev {name}n"),
            format!("-n {name} link set lo up"),
            // Its own address of IPv6 would be announced some seconds later: a change that no test made.
            format!("-n {name} link set {name}n addrgenmode none"),
            format!("-n {name} link set {name}n up"),
        ];
        if !rustix::process::getuid().is_root() || !steps.iter().all(|step| ip(step)) {
            aloud("SKIPPED, for want of root and of network namespaces: packets that vanish");
            return None;
        }
        Some(net)
    }

    fn host(&self) -> String {
        format!("{}.1", self.subnet)
    }

    /// Packets go to a neighbour that is not there. The cable stays, so the kernel reports nothing.
    fn cut(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("neigh replace {subnet}.2 lladdr 02:00:00:00:00:99 dev {name}h nud permanent")));
        assert!(ip(&format!(
            "-n {name} neigh replace {subnet}.1 lladdr 02:00:00:00:00:99 dev {name}n nud permanent"
        )));
    }

    /// The network is gone.
    fn lose(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("-n {name} addr del {subnet}.2/24 dev {name}n")));
    }

    /// All is as it was.
    fn heal(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("neigh del {subnet}.2 dev {name}h")));
        // Gone with the address already, as the case may be.
        ip(&format!("-n {name} neigh del {subnet}.1 dev {name}n"));
        assert!(ip(&format!("-n {name} addr add {subnet}.2/24 dev {name}n")));
    }

    /// We have another address now.
    fn readdress(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("-n {name} addr add {subnet}.3/24 dev {name}n")));
        assert!(ip(&format!("-n {name} addr del {subnet}.2/24 dev {name}n")));
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        ip(&format!("link del {}h", self.name));
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> bool {
    let mut command = std::process::Command::new("ip");
    command.args(arguments.split(' ')).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The fingerprint of a certificate in PEM, by our own reading of it.
fn followsift_fingerprint(pem: &[u8]) -> followsift::settings::Fingerprint {
    use base64::Engine as _;
    let text = String::from_utf8_lossy(pem);
    let body = text.split("-----").nth(2).unwrap().replace('\n', "");
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    followsift::settings::Fingerprint::of(&der)
}
