//! A headless Chromium, driven through its own protocol (DevTools) over two pipes, and a proxy that counts what the browser asks of
//! the network, and answers none of it. `tests/further/report.sh` unpacks the browser and names it in FOLLOWSIFT_CHROMIUM.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser with one page; ended when dropped.
pub struct Browser {
    process: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    session: Option<String>,
    last: u64,
    /// What the page has asked for.
    pub requests: Vec<String>,
    connections: Arc<AtomicUsize>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts the one that FOLLOWSIFT_CHROMIUM names.
    pub fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "it is the test's environment, not the program's")]
        let program = std::env::var_os("FOLLOWSIFT_CHROMIUM").expect("FOLLOWSIFT_CHROMIUM names the browser");
        let proxy = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = proxy.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            proxy.incoming().for_each(|_| {
                counted.fetch_add(1, Ordering::SeqCst);
            })
        });
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(program)
            .args([
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
            ])
            .args([format!("--proxy-server=http://{address}"), "--proxy-bypass-list=<-loopback>".to_owned()])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
            }
        });
        let (session, last, requests) = (None, 0, Vec::new());
        let mut browser =
            Self { process, commands, answers, session, last, requests, connections, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        browser.session = session.as_str().map(str::to_owned);
        browser.call("Page.enable", &json!({}));
        browser.call("Network.enable", &json!({}));
        browser
    }

    /// Sends a command, and waits for its answer.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        let last = self.last;
        let answer = self.until(|message| message["id"] == last);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn until(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.answers.recv_timeout(PATIENCE).expect("the browser answers");
            if message["method"] == "Network.requestWillBeSent" {
                self.requests.push(message["params"]["request"]["url"].as_str().unwrap().to_owned());
            }
            if is_wanted(&message) {
                return message;
            }
        }
    }

    /// Shows a file on a screen of this width, in a light or a dark scheme.
    pub fn show(&mut self, file: &Path, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
        self.call("Page.navigate", &json!({"url": format!("file://{}", file.display())}));
        self.until(|message| message["method"] == "Page.loadEventFired");
    }

    /// The value of an expression in the page. The page's own policy does not bind it.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let result = self.call(
            "Runtime.evaluate",
            &json!({"expression": expression, "returnByValue": true, "awaitPromise": true}),
        );
        assert!(result.get("exceptionDetails").is_none(), "{result}");
        result["result"]["value"].clone()
    }

    /// A picture of the whole page.
    pub fn picture(&mut self) -> Vec<u8> {
        let picture = self.call("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        data_encoding::BASE64.decode(picture["data"].as_str().unwrap().as_bytes()).unwrap()
    }

    /// How often anything was asked of the network.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Text and bars of the page that stand out too little (WCAG 2.2, 1.4.3 and 1.4.11), as a list of texts.
pub const TOO_FAINT: &str = r"(() => {
  const rgb = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const colour = rgb(getComputedStyle(it).backgroundColor);
      if (colour.a === 1) return colour;
      if (colour.a !== 0) throw new Error('half transparent');
    }
    throw new Error('nothing behind');
  };
  const contrast = (one, other) => {
    const [x, y] = [light(one), light(other)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const faint = [];
  const check = (element, colour, back, least) => {
    const found = contrast(colour, back);
    if (found < least) faint.push(`${element.tagName} ${element.textContent.slice(0, 40)}: ${found}`);
  };
  for (const element of document.body.querySelectorAll('*')) {
    const says = [...element.childNodes].some((it) => it.nodeType === 3 && it.data.trim());
    if (says) check(element, rgb(getComputedStyle(element).color), behind(element), 4.5);
    if (element.tagName === 'rect') check(element, rgb(getComputedStyle(element).fill), behind(element), 3);
    if (element.tagName === 'I') check(element, behind(element), behind(element.parentElement), 3);
  }
  return faint;
})()";
