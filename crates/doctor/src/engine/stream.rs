//! A connection to an engine, whatever it goes over, with a deadline for all that happens on it.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::{Address, ssh, tls};

/// How many addresses of a name are tried.
const MAX_ADDRESSES: usize = 4;

/// A connection with a deadline.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    pub(super) deadline: Instant,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<tls::Connection>),
    Ssh(ssh::Login),
}

impl Stream {
    /// Connects. Everything on the connection has to be over after `within`.
    pub(super) fn connect(address: &Address, within: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + within;
        let socket = match address {
            Address::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
            Address::Tcp(authority) => Socket::Tcp(tcp(authority, within)?),
            Address::Tls { authority, tls } => {
                let stream = tcp(authority, within)?;
                Socket::Tls(Box::new(tls.connect(authority, stream)?))
            }
            Address::Ssh(target) => Socket::Ssh(target.connect()?),
        };
        Ok(Self { socket, deadline })
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

fn tcp(authority: &str, within: Duration) -> io::Result<TcpStream> {
    let mut last: io::Error = io::ErrorKind::AddrNotAvailable.into();
    let all = authority.to_socket_addrs()?;
    let connected = all.take(MAX_ADDRESSES).find_map(|address| {
        TcpStream::connect_timeout(&address, within)
            .map_err(|error| last = error)
            .ok()
    });
    connected.ok_or(last)
}

/// Returns whether the other side is gone.
fn hung_up(error: &io::Error) -> bool {
    // The second where it left something unread.
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// Says why a login over ssh ended before anything came.
fn ended(login: &mut ssh::Login) -> io::Error {
    let words = login.last_words();
    let said = if words.is_empty() {
        "`docker system dial-stdio` there ended at once".to_owned()
    } else {
        format!("ssh: {words}")
    };
    io::Error::new(io::ErrorKind::ConnectionAborted, said)
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.left()?;
        match &mut self.socket {
            Socket::Unix(socket) => {
                socket.set_read_timeout(left)?;
                socket.read(out)
            }
            Socket::Tcp(socket) => {
                socket.set_read_timeout(left)?;
                socket.read(out)
            }
            Socket::Tls(socket) => {
                socket.sock.set_read_timeout(left)?;
                socket.sock.set_write_timeout(left)?;
                socket.read(out)
            }
            Socket::Ssh(login) => {
                login.stream.set_read_timeout(left)?;
                match login.stream.read(out) {
                    Ok(0) if !login.has_answered => Err(ended(login)),
                    Ok(read) => {
                        login.has_answered = true;
                        Ok(read)
                    }
                    Err(error) if !login.has_answered && hung_up(&error) => Err(ended(login)),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left()?;
        match &mut self.socket {
            Socket::Unix(socket) => {
                socket.set_write_timeout(left)?;
                socket.write(bytes)
            }
            Socket::Tcp(socket) => {
                socket.set_write_timeout(left)?;
                socket.write(bytes)
            }
            Socket::Tls(socket) => {
                socket.sock.set_read_timeout(left)?;
                socket.sock.set_write_timeout(left)?;
                socket.write(bytes)
            }
            Socket::Ssh(login) => {
                login.stream.set_write_timeout(left)?;
                match login.stream.write(bytes) {
                    Err(error) if hung_up(&error) => Err(ended(login)),
                    written => written,
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tls(socket) => socket.flush(),
            _ => Ok(()),
        }
    }
}
