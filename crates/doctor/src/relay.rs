//! What a stand-in does: it takes connections where clients look for the emulator, and hands their
//! bytes on to where the emulator is.
//!
//! Nothing is read or changed on the way, so TLS and every protocol pass. The name of the emulator is
//! looked up for each connection, so that it may get another address.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How many connections are held at a time; further ones are closed at once.
const MAX_CONNECTIONS: usize = 512;
/// How long a connection to the emulator may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may be silent in one direction. Clients with pools open a new one.
const SILENCE: Duration = Duration::from_secs(15 * 60);
/// The stack of a thread that only copies.
const STACK: usize = 128 << 10;
/// How long to wait after a failure to accept, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Binds every address, says so by calling `ready`, and relays to `target` (`host:port`) until the
/// process ends.
///
/// # Errors
/// When an address cannot be bound, or `ready` fails.
pub fn run(
    addresses: &[SocketAddr],
    target: &str,
    ready: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let listeners: io::Result<Vec<TcpListener>> =
        addresses.iter().map(|&a| TcpListener::bind(a)).collect();
    let listeners = listeners?;
    ready()?;
    let open = AtomicUsize::new(0);
    thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| accept(listener, target, &open));
        }
    });
    Ok(())
}

fn accept(listener: &TcpListener, target: &str, open: &AtomicUsize) {
    thread::scope(|scope| {
        loop {
            let Ok((client, _)) = listener.accept() else {
                thread::sleep(PAUSE);
                continue;
            };
            if open.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
                open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let relayed = thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, move || {
                    // A connection that breaks is the business of its two ends.
                    let _ = relay(&client, target);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            if relayed.is_err() {
                open.fetch_sub(1, Ordering::SeqCst);
            }
        }
    });
}

/// Copies both ways until both ends are done.
fn relay(client: &TcpStream, target: &str) -> io::Result<()> {
    let emulator = connect(target)?;
    for stream in [client, &emulator] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
    }
    thread::scope(|scope| {
        let back = thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || copy(&emulator, client));
        match back {
            Ok(_) => copy(client, &emulator),
            Err(error) => Err(error),
        }
    })
}

/// Copies until the end, which is passed on; after a failure both ends are closed.
fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut from, &mut to);
    match copied {
        Ok(_) => to.shutdown(Shutdown::Write),
        Err(error) => {
            // Either may be closed already.
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            Err(error)
        }
    }
}

fn connect(target: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in target.to_socket_addrs()?.take(4) {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// Starts an emulator that answers what it got, reversed, once the client is done, and a relay.
    fn started() -> SocketAddr {
        let emulator = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = emulator.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in emulator.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).unwrap();
                bytes.reverse();
                stream.write_all(&bytes).unwrap();
            }
        });
        let front = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = front.local_addr().unwrap();
        thread::spawn(move || accept(&front, &target, &AtomicUsize::new(0)));
        address
    }

    #[test]
    fn bytes_and_their_end_pass_both_ways() {
        let address = started();
        for text in ["abc", "", "defg"] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, text.chars().rev().collect::<String>());
        }
    }

    #[test]
    fn a_target_that_is_away_closes_the_connection() {
        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let front = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = front.local_addr().unwrap();
        thread::spawn(move || accept(&front, &gone.to_string(), &AtomicUsize::new(0)));
        let mut stream = TcpStream::connect(address).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }

    #[test]
    fn an_address_that_is_taken_is_an_error() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = run(&[address], "127.0.0.1:1", || Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
