//! A pseudo-terminal and the program in it.
//!
//! portable-pty opens it, sizes it and starts the program in a session of its own, with it as the controlling terminal. What it
//! can't do lies beside it: switching to the user is [`exec_as`](crate::exec_as)'s; it is opened under the user's filesystem
//! uid, or the user couldn't open their own terminal by name; and its handles block, while here nothing may wait for a
//! program, so reading and writing go through a duplicate that doesn't.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use filedescriptor::FileDescriptor;
use nix::sys::signal::{Signal, killpg};
use nix::sys::termios::{InputFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::{Uid, setfsuid};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use protocol::terminal::Size;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::process::{Claim, Mark, Processes};

/// The flag of a terminal that turns keys into signals.
const ISIG: u64 = 1;
/// Where the interrupt key is among a terminal's characters.
const VINTR: usize = 0;

/// A pseudo-terminal's near end.
pub struct Pty {
    /// Never locked for long; it may not be shared otherwise.
    master: Mutex<Box<dyn MasterPty + Send>>,
    /// Duplicates of its descriptor. The runtime's pipes read and write whatever can be polled.
    output: pipe::Receiver,
    input: pipe::Sender,
}

/// The program in it.
pub struct Program {
    child: std::process::Child,
    _claim: Claim,
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// Opens a pseudo-terminal and starts `argv` in it as the user.
///
/// # Errors
/// When one of the two can't be done.
pub fn start(
    config: &Config,
    processes: &Arc<Processes>,
    mark: Mark,
    size: Size,
    argv: &[String],
    environment: &[(String, String)],
) -> anyhow::Result<(Pty, Program)> {
    let mut command = CommandBuilder::from_argv(config.exec_as_argv(mark, &config.workspace));
    argv.iter().for_each(|argument| command.arg(argument));
    command.env_clear();
    environment.iter().for_each(|(name, value)| command.env(name, value));
    // `exec-as` goes where the program is to start.
    command.cwd(Path::new("/"));
    // While nothing else is started: the crate's descriptors are inherited by whatever starts before it marks them.
    let ((master, child), claim) = processes.start(|| {
        let pair = as_user(config.uid, || native_pty_system().openpty(pixels(size)))?;
        let child = pair.slave.spawn_command(command)?;
        let child: Box<dyn portable_pty::Child> = child;
        let child =
            child.downcast::<std::process::Child>().map_err(|_| anyhow::anyhow!("not a child of ours"))?;
        let pid = child.id();
        anyhow::Ok(((pair.master, *child), pid))
    })?;
    let raw = master.as_raw_fd().ok_or_else(|| anyhow::anyhow!("the terminal has no descriptor"))?;
    let mut file = FileDescriptor::dup(&raw)?;
    file.set_non_blocking(true)?;
    let file = file.as_file()?;
    // Where the terminal driver edits lines, Backspace takes a character, not one of its bytes.
    let mut modes = tcgetattr(&file)?;
    modes.input_flags.insert(InputFlags::IUTF8);
    tcsetattr(&file, SetArg::TCSANOW, &modes)?;
    let input = pipe::Sender::from_file_unchecked(file.try_clone()?)?;
    let output = pipe::Receiver::from_file_unchecked(file)?;
    Ok((Pty { master: Mutex::new(master), output, input }, Program { child, _claim: claim }))
}

/// Does something with the user's filesystem uid, which is this thread's alone. The new terminal is its opener's.
fn as_user<T>(uid: u32, act: impl FnOnce() -> T) -> T {
    let root = setfsuid(Uid::from_raw(uid));
    let done = act();
    setfsuid(root);
    done
}

const fn pixels(size: Size) -> PtySize {
    PtySize { rows: size.rows, cols: size.cols, pixel_width: 0, pixel_height: 0 }
}

impl Pty {
    fn master(&self) -> MutexGuard<'_, Box<dyn MasterPty + Send>> {
        self.master.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the size; programs are told if it is another one.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&self, size: Size) -> anyhow::Result<()> {
        self.master().resize(pixels(size))
    }

    /// Waits for output and reads all there is, as far as there is room for it: the kernel gives a page at a time, and whoever
    /// is told of each is told too often. Nothing means that the program and all that had the terminal open are gone.
    ///
    /// # Errors
    /// When reading fails.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.output.readable().await?;
            match self.read_on(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    fn read_on(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.output.try_read(&mut buffer[filled..]) {
                // The far end is closed.
                Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EIO as i32) => break,
                // Said again when it is asked again.
                Err(_) if filled > 0 => break,
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Waits until the program takes input, and writes some.
    ///
    /// # Errors
    /// When writing fails.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.input.writable().await?;
            match self.input.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Sends the interrupt that a key would, if the program has it so. Returns whether it has.
    pub fn interrupt(&self) -> bool {
        let master = self.master();
        let keys = master.get_termios().is_some_and(|termios| {
            u64::from(termios.local_flags.bits()) & ISIG != 0 && termios.control_chars[VINTR] == 0x03
        });
        let group = master.process_group_leader().filter(|_| keys);
        group.is_some_and(|group| killpg(nix::unistd::Pid::from_raw(group), Signal::SIGINT).is_ok())
    }
}

impl Program {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When nobody knows.
    pub async fn wait(&mut self) -> io::Result<Ended> {
        let mut children = signal(SignalKind::child())?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(match (status.code(), status.signal()) {
                    (Some(code), _) => Ended::Exited(code),
                    (None, signal) => Ended::Killed(signal.unwrap_or_default()),
                });
            }
            children.recv().await;
        }
    }
}
