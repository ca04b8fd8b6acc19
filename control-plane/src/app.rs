//! The parts of a control plane, put together.

use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::status::{Reason, ReasonCode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::health::LastLook;
use crate::auth::cookie::Cookie;
use crate::auth::local;
use crate::auth::lookups::Lookups;
use crate::auth::oidc::Oidc;
use crate::auth::origin::OwnOrigins;
use crate::auth::pace::Pace;
use crate::auth::presence::Presence;
use crate::auth::token;
use crate::config::{Config, Http};
use crate::exports::Exports;
use crate::fleet::{self, Fleet};
use crate::gateway::{self, Gateway};
use crate::grants::Readings;
use crate::hub::Hubs;
use crate::links::Links;
use crate::people;
use crate::pki::{Authority, verify};
use crate::runtime::Runtime;
use crate::runtime::docker::DockerRuntime;
use crate::server::Port;
use crate::server::crowd::{Crowd, Share};
use crate::server::tls::Served;
use crate::store::records::{Last, Wanted};
use crate::store::{Store, StoreAt, transfer};
use crate::workspace::{Parts, Workspaces, guard, reconcile};
use crate::{clock, config, router, server};

/// The name under which this Atelier's own id is kept in the store.
pub(crate) const INSTANCE: &str = "instance";
/// How often the store is tidied.
const TIDY: Duration = Duration::from_secs(3600);
/// The file in the data folder that the control plane that serves from it has locked.
const LOCK: &str = "lock";
/// How often the lock is tried, and how long after each other.
const LOCK_TRIES: u32 = 20;
/// See [`LOCK_TRIES`].
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// The parts of a control plane.
#[derive(Debug)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The CA.
    pub authority: Arc<Authority>,
    /// The engine.
    pub runtime: Arc<dyn Runtime>,
    /// The hubs.
    pub hubs: Arc<Hubs>,
    /// The links.
    pub links: Arc<Links>,
    /// The workspaces.
    pub workspaces: Arc<Workspaces>,
    /// What operators see.
    pub fleet: Arc<Fleet>,
    /// The model gateway.
    pub gateway: Arc<Gateway>,
    /// Where our own pages come from.
    pub origins: OwnOrigins,
    /// The cookies.
    pub cookie: Cookie,
    /// The identity provider, if people sign in at one.
    pub oidc: Option<Oidc>,
    /// How often something may be tried.
    pub pace: Pace,
    /// The sessions and tokens that are looked up.
    pub lookups: Lookups,
    /// The exports that are being made: of records.
    pub exports: Arc<Exports>,
    /// The exports that are being made: of files.
    pub file_exports: Arc<Exports>,
    /// The sessions that sockets stand on.
    pub presence: Arc<Presence>,
    /// Held by whoever keeps somebody out or lets them in again: what one does the other must not undo half of.
    pub letting_in: tokio::sync::Mutex<()>,
    /// What operators have just read.
    pub readings: Readings,
    /// What was last found of the store and the engine.
    pub health: LastLook,
    /// How much API tokens are used.
    pub tokens: Arc<token::Usage>,
    /// Viewers connected at the moment.
    pub viewers: std::sync::atomic::AtomicU32,
    /// Cancelled when it is time to stop.
    pub stop: CancellationToken,
    /// Every task of the control plane.
    pub tasks: TaskTracker,
}

/// A control plane that serves.
#[derive(Debug)]
pub struct Running {
    /// Its parts.
    pub app: Arc<App>,
    /// Where browsers connect.
    pub public: SocketAddr,
    /// Where workspace-agents connect.
    pub link: SocketAddr,
    /// The address to sign in at; with a one-time code, if one signs in locally.
    pub sign_in: String,
    /// Keeps a second control plane out of the data folder for as long as it is open.
    pub lock: File,
}

/// The store, if it is all there.
///
/// # Errors
/// When it can't be opened, or was moved elsewhere.
pub async fn open_store(at: &StoreAt) -> anyhow::Result<Arc<dyn Store>> {
    let store = at.open().await?;
    transfer::ensure_whole(&*store).await?;
    Ok(store)
}

/// Takes the data folder, which one control plane at a time may serve from. Waits a moment for it: whoever has just given
/// it up may be starting another process, which holds a copy of the lock until it has become that.
///
/// # Errors
/// When one does serve, or the folder can't be written.
pub async fn lock(data: &std::path::Path) -> anyhow::Result<File> {
    let path = data.join(LOCK);
    let file = File::create(&path).with_context(|| format!("{} can't be made", path.display()))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{} can't be locked", path.display()));
            }
        }
    }
    anyhow::bail!("another control plane serves from the data folder {}", data.display())
}

/// Puts a control plane together and has it serve.
///
/// # Errors
/// When a part can't be had: the store, the CA, a port.
pub async fn build(config: Config) -> anyhow::Result<Running> {
    let lock = lock(&config.data).await?;
    let store = open_store(&config.store).await?;
    store.check().await.context("the store can't be written")?;
    let authority = Arc::new(Authority::load(&*store, &config.seal).await.context("the CA")?);
    let link_listen = match config.engine.link_listen {
        Some(address) => address,
        None => default_link_address(&config.engine.host).await?,
    };
    let public_listener = listen(config.http.listen)?;
    let link_listener = listen(link_listen)?;
    let (public, link) = (public_listener.local_addr()?, link_listener.local_addr()?);
    let dialled = config.engine.link_address.unwrap_or(link);
    let instance = match config.engine.instance.clone() {
        Some(instance) => instance,
        None => instance(&*store).await?,
    };
    let runtime: Arc<dyn Runtime> = Arc::new(DockerRuntime::new(config.engine.clone(), instance, dialled));
    let app = assemble(config, store, authority, runtime, public)?;
    serve_browsers(&app, public_listener)?;
    reconcile::look_first(&app.workspaces).await;
    serve_workspaces(&app, link_listener)?;
    let (stop, tasks) = (app.stop.clone(), app.tasks.clone());
    reconcile::adopt(&app.workspaces).await?;
    tasks.spawn(stop.clone().run_until_cancelled_owned(reconcile::watch(Arc::clone(&app.workspaces))));
    tasks.spawn(stop.clone().run_until_cancelled_owned(reconcile::keep_walled(Arc::clone(&app.workspaces))));
    tasks.spawn(stop.clone().run_until_cancelled_owned(guard::watch(Arc::clone(&app.workspaces))));
    let trying = gateway::access::keep_trying(Arc::clone(&app.gateway));
    tasks.spawn(stop.clone().run_until_cancelled_owned(trying));
    tasks.spawn(stop.clone().run_until_cancelled_owned(fleet::keep(Arc::clone(&app.fleet))));
    tasks.spawn(stop.clone().run_until_cancelled_owned(people::keep_finishing(Arc::clone(&app))));
    tasks.spawn(stop.run_until_cancelled_owned(keep_tidy(Arc::clone(&app.store))));
    let sign_in = match app.oidc {
        Some(_) => base_url(&app.config, public),
        None => sign_in_address(&app, public).await?,
    };
    Ok(Running { app, public, link, sign_in, lock })
}

fn port(
    app: &App,
    name: &'static str,
    share: Share,
    proxied: Option<Arc<Http>>,
    router: axum::Router,
) -> Port {
    let (crowd, stop, tasks) = (Arc::new(Crowd::new(share)), app.stop.clone(), app.tasks.clone());
    Port { name, crowd, proxied, router, stop, tasks }
}

/// Has the port for browsers and scripts serve.
fn serve_browsers(app: &Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    let (stop, tasks) = (app.stop.clone(), app.tasks.clone());
    let proxied = Some(Arc::new(app.config.http.clone()));
    let browsers = port(app, "public", Share::BROWSERS, proxied, router::public(Arc::clone(app)));
    match app.config.http.tls.clone() {
        Some(files) => {
            let served = Served::new(files)?;
            tasks.spawn(server::serve_tls(listener, served.server_config()?, browsers));
            tasks.spawn(stop.clone().run_until_cancelled_owned(served.watch()));
        }
        None => {
            tasks.spawn(server::serve_plain(listener, browsers));
        }
    }
    tasks.spawn(stop.run_until_cancelled_owned(look_for_provider(Arc::clone(app))));
    Ok(())
}

/// Has the port for workspace-agents serve.
fn serve_workspaces(app: &Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    let workspaces = port(app, "link", Share::WORKSPACE, None, router::link(Arc::clone(app)));
    app.tasks.spawn(server::serve_tls(listener, verify::server_config(&app.authority)?, workspaces));
    Ok(())
}

/// Says early what a person would find out late.
async fn look_for_provider(app: Arc<App>) {
    if let Some(oidc) = &app.oidc
        && let Err(error) = oidc.check().await
    {
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::warn!(
            error,
            issuer = oidc.config().issuer,
            "nobody can sign in: the identity provider is not there"
        );
    }
}

/// Tidies the store, at start and every now and then.
async fn keep_tidy(store: Arc<dyn Store>) {
    loop {
        if let Err(error) = store.tidy(clock::now()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the store can't be tidied");
        }
        tokio::time::sleep(TIDY).await;
    }
}

/// Stops every workspace. For while no control plane serves from the data folder; the next one finds them stopped.
/// Returns how many ran.
///
/// # Errors
/// When a control plane serves, the engine does not answer, or the store fails.
pub async fn stop_workspaces(config: Config) -> anyhow::Result<usize> {
    let _lock = lock(&config.data).await?;
    let store = open_store(&config.store).await?;
    let instance = match config.engine.instance.clone() {
        Some(instance) => instance,
        None => instance(&*store).await?,
    };
    // Nothing is started, so nothing is dialled.
    let runtime = DockerRuntime::new(config.engine, instance, SocketAddr::from(([0, 0, 0, 0], 0)));
    let running = runtime.list().await?.into_iter().filter(|found| found.running.is_some());
    let running: Vec<_> = running.map(|found| found.workspace).collect();
    for id in &running {
        runtime.stop(*id).await?;
    }
    let reason = Reason::with(ReasonCode::Asked, "everything was stopped");
    for mut record in store.workspaces().await?.into_iter().filter(|record| record.wanted == Wanted::Running)
    {
        record.wanted = Wanted::Stopped;
        record.last = Last::Stopped { reason: reason.clone(), at: clock::now() };
        store.save_workspace(&record).await?;
    }
    Ok(running.len())
}

fn assemble(
    config: Config,
    store: Arc<dyn Store>,
    authority: Arc<Authority>,
    runtime: Arc<dyn Runtime>,
    public: SocketAddr,
) -> anyhow::Result<Arc<App>> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let hubs = Arc::new(Hubs::new(Arc::clone(&store), tasks.clone()));
    let links = Arc::new(Links::default());
    let workspaces = Workspaces::new(Parts {
        runtime: Arc::clone(&runtime),
        store: Arc::clone(&store),
        authority: Arc::clone(&authority),
        hubs: Arc::clone(&hubs),
        links: Arc::clone(&links),
        least_free: config.engine.least_free,
        tasks: tasks.clone(),
        stop: stop.clone(),
    });
    let settings = gateway::Settings {
        upstream: config.model.upstream.clone(),
        credential: config.model.credential.clone(),
        seal: config.seal.clone(),
        demo: config.model.demo,
        policy: config.model.policy.clone(),
    };
    let gateway = Arc::new(Gateway::new(settings, Arc::clone(&store), Arc::clone(&hubs), tasks.clone())?);
    let fleet = Fleet::new(Arc::clone(&store), Arc::clone(&hubs));
    let callback = format!("{}/api/sign-in/callback", base_url(&config, public));
    let oidc = config.sign_in.oidc.clone().map(|provider| Oidc::new(provider, callback)).transpose()?;
    Ok(Arc::new(App {
        origins: OwnOrigins::new(config.http.public_url.as_deref(), local_port(&config, public)),
        cookie: Cookie::new(config.http.is_https(), public.port()),
        oidc,
        pace: Pace::default(),
        lookups: Lookups::default(),
        exports: Arc::default(),
        file_exports: Arc::default(),
        presence: Arc::default(),
        letting_in: tokio::sync::Mutex::default(),
        readings: Readings::default(),
        health: LastLook::default(),
        tokens: Arc::new(token::Usage::new(config.limits.requests_a_minute)),
        config,
        store,
        authority,
        runtime,
        hubs,
        links,
        workspaces,
        fleet,
        gateway,
        viewers: std::sync::atomic::AtomicU32::new(0),
        stop,
        tasks,
    }))
}

/// The address to sign in at, with a fresh one-time code in its fragment, which no server and no log sees.
///
/// # Errors
/// When the store fails.
pub async fn sign_in_address(app: &App, public: SocketAddr) -> anyhow::Result<String> {
    let code = local::new_code(&*app.store).await?;
    Ok(format!("{}/#code={code}", base_url(&app.config, public)))
}

/// What people type.
fn base_url(config: &Config, public: SocketAddr) -> String {
    config.http.public_url.clone().unwrap_or_else(|| format!("http://{public}"))
}

/// The port at which this machine's own browsers find the page under its loopback names, if they do.
fn local_port(config: &Config, public: SocketAddr) -> Option<u16> {
    (public.ip().is_loopback() && config.http.tls.is_none()).then_some(public.port())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    server::bind(address).with_context(|| format!("can't listen on {address}"))
}

/// The engine's default bridge: an address of this machine that every container can dial.
async fn default_link_address(host: &str) -> anyhow::Result<SocketAddr> {
    let advice = "say with --link-listen where workspace-agents should connect";
    let unknown = || {
        format!(
            "the container engine does not answer, so its default bridge is not known; start it, or {advice}"
        )
    };
    let engine = DockerRuntime::connect(host).with_context(unknown)?;
    let bridge = engine.inspect_network("bridge", None).await.with_context(unknown)?;
    let configs = bridge.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let gateway = configs.iter().find_map(bridge_address);
    let gateway = gateway.with_context(|| format!("the engine has no default bridge; {advice}"))?;
    Ok(SocketAddr::new(gateway.into(), config::LINK_PORT))
}

/// This machine's address on a bridge. Unless configured, the engine takes the subnet's first and does not say so.
fn bridge_address(config: &bollard::models::IpamConfig) -> Option<Ipv4Addr> {
    if let Some(gateway) = config.gateway.as_ref().and_then(|gateway| gateway.parse().ok()) {
        return Some(gateway);
    }
    let (base, _) = config.subnet.as_ref()?.split_once('/')?;
    let base: Ipv4Addr = base.parse().ok()?;
    Some(Ipv4Addr::from_bits(base.to_bits() + 1))
}

/// Four characters that tell this Atelier's containers from those of others on the same engine.
async fn instance(store: &dyn Store) -> anyhow::Result<String> {
    let fresh: u16 = rand::random();
    let kept = store.create_secret(INSTANCE, format!("{fresh:04x}").as_bytes()).await?;
    String::from_utf8(kept).context("the instance's name is malformed")
}
