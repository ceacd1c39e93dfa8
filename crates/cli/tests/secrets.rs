//! No secret leaves `explain`, whatever holds it and whatever it was put into.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

/// Names whose values are secret, by the table or by their words.
const SECRET: [&str; 6] = [
    "LOCALSTACK_AUTH_TOKEN",
    "LOCALSTACK_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "MY_PASSWORD",
    "LOCALSTACK_AUTH_TOKE",
];

/// Names whose values are shown.
const SHOWN: [&str; 14] = [
    "GATEWAY_LISTEN",
    "LOCALSTACK_HOST",
    "EDGE_BIND_HOST",
    "EDGE_PORT",
    "HOSTNAME_EXTERNAL",
    "SQS_PORT_EXTERNAL",
    "SQS_ENDPOINT_STRATEGY",
    "OUTBOUND_HTTP_PROXY",
    "DNS_SERVER",
    "DNS_ADDRESS",
    "MAIN_DOCKER_NETWORK",
    "EXTRA_CORS_ALLOWED_ORIGINS",
    "GATEWAY_LISTENS",
    "SERVICES",
];

/// Where a secret is put; `@` is the reference to it.
const SHAPES: [&str; 7] = [
    "@",
    "@.example",
    "0.0.0.0:@",
    "a:1,@:2",
    " @",
    "http://u:@@host:1/x",
    "x:@,y",
];

/// The ways to answer.
const ANSWERS: [&[&str]; 7] = [
    &[],
    &["--all"],
    &["--format", "json"],
    &["--format", "env"],
    &["--as-of", "1.4", "--all"],
    &["--as-of", "4.14", "--format", "json"],
    &["--as-of", "1.0..", "--format", "json"],
];

/// Runs `lsconfig explain -` on a text, with one variable in its environment.
fn explain(text: &str, arguments: &[&str], variable: (&str, &str)) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lsconfig"))
        .args(["explain", "-"])
        .args(arguments)
        .env_clear()
        .env(variable.0, variable.1)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("it is piped");
    input
        .write_all(text.as_bytes())
        .expect("it reads its input");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).expect("the answer is text")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_secret_is_shown(
        name in proptest::sample::select(&SECRET),
        secret in "[a-z][a-z0-9+/=_-]{6,20}[a-z0-9]",
        uses in proptest::collection::vec(
            (proptest::sample::select(&SHOWN), proptest::sample::select(&SHAPES)), 0..5),
        answer in proptest::sample::select(&ANSWERS),
        chained in any::<bool>(),
    ) {
        // A word of the answer itself would be found there whatever is hidden.
        let secret = format!("{secret}-hush");
        let mut dotenv = format!("{name}={secret}\n");
        let mut compose = format!(
            "services:\n  a:\n    image: localstack/localstack:3.8\n    environment:\n      {name}: '{secret}'\n"
        );
        let mut reference = format!("${{{name}}}");
        if chained {
            dotenv.push_str(&format!("X={reference}\n"));
            reference = "${X}".to_owned();
        }
        for (variable, shape) in &uses {
            // The first `@` of a URL is its password's.
            let value = shape.replacen('@', &reference, 1);
            dotenv.push_str(&format!("{variable}=\"{value}\"\n"));
            let value = shape.replacen('@', &format!("${{{name}}}"), 1);
            compose.push_str(&format!("      {variable}: \"{value}\"\n"));
        }
        for (text, format) in [(&dotenv, "dotenv"), (&compose, "compose")] {
            let arguments = [answer, &["--input-format", format][..]].concat();
            let shown = explain(text, &arguments, (name, &secret));
            prop_assert!(!shown.contains(&secret), "{arguments:?}\n{text}\n{shown}");
        }
        let pairs = format!("{name}={secret}\nOUTBOUND_HTTPS_PROXY=http://u:{secret}@h\n");
        let shown = explain(&pairs, answer, ("DOCKER_FLAGS", &format!("-e {name}={secret}")));
        prop_assert!(!shown.contains(&secret), "{answer:?}\n{shown}");
    }
}
