//! The questions that are measured, each a small named piece of work.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::hint::black_box;

use lsconfig::addr::{HostPort, HostPortSpec};
use lsconfig::endpoint::{EndpointConfig, Minted};
use lsconfig::explain::Document;
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::python::Int;
use lsconfig::release::{NEWEST_KNOWN, Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use lsconfig::variable::{Kind, TABLE};

/// A question: its name, and what makes the work that answers it once.
pub struct Case {
    /// The name, stable so that results can be compared.
    pub name: &'static str,
    /// Prepares the input; the result is called for every measurement.
    pub prepare: fn() -> Box<dyn Fn()>,
}

/// Every case.
pub static CASES: &[Case] = &[
    Case {
        name: "parse-address",
        prepare: || Box::new(|| consume(black_box("0.0.0.0:4566").parse::<HostPortSpec>())),
    },
    Case {
        name: "parse-ipv6-address",
        prepare: || Box::new(|| consume(black_box("[2001:db8::1]:4566").parse::<HostPortSpec>())),
    },
    Case {
        name: "parse-number",
        prepare: || Box::new(|| consume(Int::parse(black_box(" 4566 ")))),
    },
    Case {
        name: "resolve-nothing",
        prepare: || resolving(Layers::default(), Semantics::Normalized),
    },
    Case {
        name: "resolve-typical",
        prepare: || resolving(typical(), Semantics::Normalized),
    },
    Case {
        name: "resolve-typical-2.3",
        prepare: || resolving(typical(), TargetVersion::new(2, 3).into()),
    },
    Case {
        name: "resolve-typical-4.14",
        prepare: || resolving(typical(), NEWEST_KNOWN.into()),
    },
    Case {
        name: "resolve-worst",
        prepare: || resolving(worst(), Semantics::Normalized),
    },
    Case {
        name: "resolve-worst-4.14",
        prepare: || resolving(worst(), NEWEST_KNOWN.into()),
    },
    Case {
        name: "resolve-process-environment",
        prepare: || resolving(process(), Semantics::Normalized),
    },
    Case {
        name: "mint-queue-url",
        prepare: || {
            let config = endpoints();
            Box::new(move || consume(queue_url(&config).into_string()))
        },
    },
    Case {
        name: "print-queue-url",
        prepare: || {
            let (config, text) = (endpoints(), RefCell::new(String::with_capacity(128)));
            Box::new(move || {
                let mut text = text.borrow_mut();
                text.clear();
                write!(text, "{}", queue_url(&config)).expect("a string takes every text");
                black_box(&*text);
            })
        },
    },
    Case {
        name: "document-typical",
        prepare: || {
            let resolution = resolve(&typical(), &Facts::container(), Semantics::Normalized);
            Box::new(move || consume(serde_json::to_vec(&Document::new(&resolution))))
        },
    },
];

fn consume<T>(value: T) {
    drop(black_box(value));
}

fn resolving(layers: Layers, semantics: Semantics) -> Box<dyn Fn()> {
    let facts = Facts::container();
    Box::new(move || consume(resolve(black_box(&layers), &facts, semantics)))
}

fn endpoints() -> EndpointConfig {
    EndpointConfig::new(HostPort::new("foo.bar", 5000), Semantics::Normalized)
}

fn queue_url(config: &EndpointConfig) -> Minted<'_> {
    let sqs = black_box(config).endpoints().sqs();
    sqs.queue_url("us-east-1", "000000000000", "orders")
}

fn environment<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Layers {
    Layers::from_iter([Layer::from_pairs(
        SourceKind::Environment,
        "environment",
        pairs,
    )])
}

/// The legacy variables of LocalStack's networking announcement, a modern one, and company.
fn typical() -> Layers {
    let pairs = [
        ("EDGE_PORT_HTTP", "5000"),
        ("EDGE_PORT", "9000"),
        ("EDGE_BIND_HOST", "0.0.0.0"),
        ("LOCALSTACK_HOST", "foo.bar:5000"),
        ("SQS_ENDPOINT_STRATEGY", "path"),
        ("DEBUG", "1"),
        ("SERVICES", "s3,sqs"),
    ];
    environment(pairs.map(|(name, value)| (name, value.to_owned())))
}

/// Every variable set, fifty listen addresses of which half are redundant.
fn worst() -> Layers {
    let listen: Vec<String> = (0..50)
        .map(|n| format!("10.0.0.{}:{}", n / 2, 5000 + n / 2))
        .collect();
    environment(TABLE.iter().map(|row| {
        let value = match row.kind {
            Kind::AddressList => listen.join(","),
            Kind::Address => "foo.bar:5000".to_owned(),
            Kind::Host => "10.0.0.1".to_owned(),
            Kind::Integer => "9000".to_owned(),
            Kind::Flag | Kind::Switch | Kind::TriState => "1".to_owned(),
            Kind::OneOf { values, .. } => values[0].to_owned(),
            Kind::Text(_) | Kind::Unmodelled => "text".to_owned(),
        };
        (row.name, value)
    }))
}

/// A developer's whole environment: two names that matter among forty that do not.
fn process() -> Layers {
    let names = [
        "PATH",
        "HOME",
        "USER",
        "SHELL",
        "LANG",
        "LC_ALL",
        "TERM",
        "EDITOR",
        "PAGER",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "LOGNAME",
        "MAIL",
        "DISPLAY",
        "SSH_AUTH_SOCK",
        "SSH_AGENT_PID",
        "XDG_RUNTIME_DIR",
        "XDG_SESSION_ID",
        "XDG_DATA_DIRS",
        "DBUS_SESSION_BUS_ADDRESS",
        "JAVA_HOME",
        "GOPATH",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "PYENV_ROOT",
        "NVM_DIR",
        "VIRTUAL_ENV",
        "DOCKER_HOST",
        "COMPOSE_PROJECT_NAME",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "KUBECONFIG",
        "LESS",
        "LS_COLORS",
        "COLORTERM",
        "TERM_PROGRAM",
        "HISTSIZE",
        "MANPATH",
        "EDGE_PORT",
        "LOCALSTACK_HOST",
    ];
    environment(names.map(|name| (name, "9000".to_owned())))
}
