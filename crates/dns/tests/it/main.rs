//! Integration tests of the DNS server, one module for each topic.

mod conformance;
mod dig;
mod forwarding;
mod oracle;
mod serving;
mod support;
