//! A database per test: SQLite in a folder of its own, PostgreSQL in a private cluster on loopback.
//!
//! The cluster is made once per run from the server binaries of the machine (those on `PATH`, else Debian's newest) and
//! belongs to a small shell script that ends it as soon as its standard input closes: whichever way this process ends,
//! no server is left behind. A test on PostgreSQL is `#[ignore]`d, so that a machine without these binaries reports it as
//! ignored; asked for (`--include-ignored`), it fails where they are missing.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, anyhow, ensure};
use holdfast::adapters;
use holdfast::ports::store::Store;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::folder::Folder;

/// Runs each story on both databases, as `<story>::on_sqlite` and `<story>::on_postgres`.
macro_rules! on_each_store {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            use crate::support::stores;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_sqlite() -> anyhow::Result<()> {
                super::$story(&stores::sqlite().await?).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            #[ignore = "needs PostgreSQL's server binaries"]
            async fn on_postgres() -> anyhow::Result<()> {
                super::$story(&stores::postgres().await?).await
            }
        }
    )+};
}
pub(crate) use on_each_store;

/// An open store with its address.
pub struct TestStore {
    /// For [`adapters::store::open`]: the same database again, as after a restart.
    pub url: String,
    /// The store.
    pub store: Arc<dyn Store>,
    _folder: Option<Folder>,
}

/// A fresh SQLite database.
pub async fn sqlite() -> anyhow::Result<TestStore> {
    let folder = Folder::new()?;
    let url = format!("sqlite:{}", folder.path().join("new folder").join("holdfast.db").display());
    let store = adapters::store::open(&url).await?;
    Ok(TestStore { url, store, _folder: Some(folder) })
}

/// A fresh PostgreSQL database.
pub async fn postgres() -> anyhow::Result<TestStore> {
    let url = postgres_database().await?;
    let store = adapters::store::open(&url).await?;
    Ok(TestStore { url, store, _folder: None })
}

/// The address of a fresh, empty PostgreSQL database.
pub async fn postgres_database() -> anyhow::Result<String> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let port = tokio::task::spawn_blocking(cluster).await??;
    let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&address(port, "postgres")).await?;
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0"))).await?;
    admin.close().await?;
    Ok(address(port, &name))
}

fn address(port: u16, database: &str) -> String {
    format!("postgres://holdfast@127.0.0.1:{port}/{database}")
}

/// The port of this run's cluster, started on the first call.
fn cluster() -> anyhow::Result<u16> {
    static CLUSTER: OnceLock<Result<(u16, Child), String>> = OnceLock::new();
    match CLUSTER.get_or_init(|| start().map_err(|e| format!("{e:#}"))) {
        Ok((port, _)) => Ok(*port),
        Err(message) => Err(anyhow!("{message}")),
    }
}

/// `$1` binaries, `$2` port. PostgreSQL refuses to run as root, so root hands it to another user.
const KEEPER: &str = r#"
set -eu
trap '' INT TERM HUP
umask 077
folder=$(mktemp -d)
as=
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id -u "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
fi
cd "$folder"
server=
end() {
    if [ -n "$server" ]; then kill -QUIT "$server" 2>/dev/null || true; wait "$server" || true; fi
    cd / && rm -rf "$folder"
}
trap end EXIT
$as "$1/initdb" -D "$folder/data" -A trust -U holdfast -E UTF8 --no-locale --no-sync </dev/null >&2
$as "$1/postgres" -D "$folder/data" -h 127.0.0.1 -p "$2" -k "$folder" -F -N 300 </dev/null >&2 &
server=$!
until "$1/pg_isready" -q -h 127.0.0.1 -p "$2"; do
    kill -0 "$server"
    sleep 0.1
done
echo ready
exec 1>&-
cat >/dev/null
"#;

fn start() -> anyhow::Result<(u16, Child)> {
    let binaries = binaries().context("no PostgreSQL server binaries found on PATH or under /usr/lib/postgresql")?;
    // Free at this moment; the server takes it next.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let log = Folder::new()?;
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(binaries)
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(log.path().join("log"))?)
        .spawn()?;
    let mut line = String::new();
    BufReader::new(keeper.stdout.take().context("no output of the keeper")?).read_line(&mut line)?;
    let said = std::fs::read_to_string(log.path().join("log")).unwrap_or_default();
    ensure!(line == "ready\n", "PostgreSQL did not start:\n{said}");
    Ok((port, keeper))
}

/// The folder with `initdb`, `postgres` and `pg_isready`.
fn binaries() -> Option<PathBuf> {
    let whole = |folder: &Path| ["initdb", "postgres", "pg_isready"].iter().all(|name| folder.join(name).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A link on PATH leads to the folder that holds all of them.
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path)
        .filter_map(|folder| folder.join("initdb").canonicalize().ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_owned))
        .collect();
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("bin"))
        .collect();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    folders.into_iter().find(|folder| whole(folder))
}
