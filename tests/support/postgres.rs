//! A PostgreSQL server of a test's own, on loopback, with TLS and passwords. It ends with the process of the tests,
//! also if that is killed.
//!
//! Not here: what the ledger must do with it. That stands in the tests.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The password of each role.
const PASSWORD: &str = "a password: 5/8?";

/// The same, as an address has it.
const ENCODED: &str = "a%20password%3A%205%2F8%3F";

/// The role that owns the databases of tests.
pub const OWNER: &str = "owner";

/// The role of the program: it reads and appends.
pub const CLIENT: &str = "client";

/// A server.
pub struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    /// Stops the server and removes the folder when its stdin ends.
    _watcher: std::process::Child,
}

/// A database of a server.
pub struct Database<'a> {
    pub server: &'a Postgres,
    pub name: String,
}

impl Postgres {
    /// The server that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// A server of its own, for a test that stops it. It does not wait for its disk.
    pub fn start() -> Self {
        Self::start_with("fsync = off")
    }

    /// A server of its own with these settings.
    #[expect(clippy::disallowed_methods, reason = "a free port for the server, which is not the program")]
    pub fn start_with(more: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("elks-pg-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let programs = programs();
        let data = folder.join("data");
        // PostgreSQL does not run as root.
        own(&folder);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        run(as_its_user(&programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--username=postgres", "--pgdata"])
            .arg(&data));
        let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
        fs::write(data.join("server.crt"), made.cert.pem()).unwrap();
        fs::write(data.join("server.key"), made.signing_key.serialize_pem()).unwrap();
        fs::write(folder.join("root.pem"), made.cert.pem()).unwrap();
        run(Command::new("chmod").arg("600").arg(data.join("server.key")));
        own(&folder);
        let socket = folder.display();
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{socket}'\nssl = on\n\
             password_encryption = 'scram-sha-256'\n{more}\nmax_connections = 100\nlog_min_messages = fatal\n"
        );
        fs::write(data.join("postgresql.auto.conf"), settings).unwrap();
        fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
            .unwrap();
        // A Ctrl-C at a terminal reaches this shell, too.
        let stop = "trap '' HUP INT TERM; cat >/dev/null; \"$@\" >/dev/null 2>&1; rm -rf \"$0\"";
        let mut watcher = Command::new("sh");
        watcher.args(["-c", stop]).arg(&folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let control = pg_ctl(&programs, &data);
        watcher.arg(control.get_program()).args(control.get_args()).args(["-m", "immediate", "stop"]);
        let server = Self { folder, programs, port, _watcher: watcher.spawn().unwrap() };
        server.control(&["start"]);
        for role in [OWNER, CLIENT] {
            let password = PASSWORD.replace('\'', "''");
            server.sql("postgres", &format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"));
        }
        server
    }

    /// A database without a ledger.
    pub fn empty_database(&self) -> Database<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("ledger_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {OWNER}"));
        Database { server: self, name }
    }

    /// Does something with SQL as the administrator, and gives what it prints.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql]);
        run(psql.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string()]))
    }

    /// Stops it at once, as a crash does: connections end, and nothing is finished.
    pub fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Starts it again.
    pub fn start_again(&self) {
        self.control(&["start"]);
    }

    /// Crashes and starts again.
    pub fn restart(&self) {
        self.crash();
        self.start_again();
    }

    /// Stops a process, as a server does that is overloaded: that of a connection, or the one that takes new ones.
    pub fn freeze(&self, session: Option<&str>) {
        self.signal("-STOP", session);
    }

    /// Lets it go on.
    pub fn go_on(&self, session: Option<&str>) {
        self.signal("-CONT", session);
    }

    fn signal(&self, signal: &str, session: Option<&str>) {
        let listening = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let process = session.unwrap_or_else(|| listening.lines().next().unwrap());
        run(Command::new("kill").args([signal, process]));
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that its own is verified with.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// The folder of its socket.
    pub fn socket(&self) -> &Path {
        &self.folder
    }

    fn control(&self, arguments: &[&str]) {
        let mut control = pg_ctl(&self.programs, &self.folder.join("data"));
        // What it starts keeps its output open.
        let log = fs::File::create(self.folder.join("control.log")).unwrap();
        control.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        assert!(control.status().unwrap().success(), "pg_ctl {arguments:?}");
    }
}

impl Database<'_> {
    /// The address as a role has it, with TLS.
    pub fn address(&self, role: &str) -> String {
        self.address_with(role, ENCODED, &format!("?sslrootcert={}", self.server.root().display()))
    }

    /// The address with this password, as it is written there, and these options.
    pub fn address_with(&self, role: &str, password: &str, options: &str) -> String {
        format!("postgres://{role}:{password}@localhost:{}/{}{options}", self.server.port, self.name)
    }

    /// Does something with SQL as the administrator, and gives what it prints.
    pub fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql)
    }
}

fn pg_ctl(programs: &Path, data: &Path) -> Command {
    let mut command = as_its_user(&programs.join("pg_ctl"));
    command.args(["-s", "-w", "-t", "60", "-D"]).arg(data);
    command
}

/// A program of PostgreSQL as a user that it runs as: not as root.
fn as_its_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// Gives a folder to the user that PostgreSQL runs as.
fn own(folder: &Path) {
    if is_root() {
        run(Command::new("chown").args(["-R", "postgres"]).arg(folder));
    }
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}

/// The folder of PostgreSQL's programs.
#[expect(clippy::disallowed_methods, reason = "where programs are is no setting of the program")]
fn programs() -> PathBuf {
    let of_debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|it| it.path().join("bin"));
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let found = of_debian.chain(on_path).find(|folder| folder.join("initdb").exists());
    found.expect("the programs of PostgreSQL are needed: on Debian, `apt-get install postgresql`")
}

/// Runs a command to its end, which must be good, and gives what it prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
