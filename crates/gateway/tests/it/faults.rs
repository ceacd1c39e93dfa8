//! Upstreams, files and clocks that fail.
