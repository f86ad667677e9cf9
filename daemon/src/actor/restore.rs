//! From files to a running node.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use mesh::{
    Command, Instant, MeshIdentity, Node, Record,
    identity::Capabilities,
    node::{Audience, Config as NodeConfig, Strangers},
};
use transports::{LinkConfig, TransportManager};

use super::{Actor, Clock, Handle, Links, StartError, links, waiters::Waiters};
#[cfg(feature = "appointments")]
use crate::appointments::Appointments;
use crate::{
    config::{self, Config},
    identity::file::Loaded,
    notify::Notifier,
    store::{Health, Opened, Store, Writer, new_numbered_dir},
};

/// An actor that can run, and the way to it.
pub struct Started {
    /// To be run on this thread.
    pub actor: Actor,
    /// For everybody else.
    pub handle: Handle,
}

/// Opens the store, restores the node, and opens the links. Call it inside a tokio runtime.
///
/// # Errors
///
/// A sentence: the store cannot be opened, or no randomness is there.
pub fn start(config: Config, loaded: Loaded, notifier: Notifier) -> Result<Started, StartError> {
    let identity = loaded.identity;
    let mut warnings = Vec::new();
    if let Some(former) = loaded.set_aside {
        warnings.push(format!("The former identity is in {}.", former.display()));
    }
    let store_dir = config.data_dir.join("store");
    let (store, opened) = Store::open(&store_dir, *identity.address().as_bytes())
        .map_err(|error| StartError(format!("{}: {error}", store_dir.display())))?;
    let clock = Clock::start(notifier.watchdog_interval());
    let now = clock.now();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError(error.to_string()))?;
    let mut node = Node::new(now, node_config(&config), copy(&identity), seed);
    #[cfg(feature = "appointments")]
    let (opened, appointments) = appointments(&config, &identity, &clock, opened)?;
    let refused = restore(&mut node, now, opened, &config.data_dir, &mut warnings);
    let writer = Writer::start(store)?;
    node.start(now, clock.wall());
    use_mailbox(&mut node, now, &config);

    let mut link_config = LinkConfig::new(copy(&identity));
    link_config.network_key = links::network_key(&config).map_err(StartError)?;
    link_config.inbound_max = config.tcp_inbound_max;
    link_config.airtime = super::radio::airtime(&config.data_dir, loaded.is_new);
    let mut transports = TransportManager::new(link_config);
    if let Some(lost) = transports.airtime_lost() {
        warnings.push(format!("Radios are silent for up to an hour: {lost}."));
    }
    let links = Links::open(&config, &mut transports);
    let discovered = super::Discovered::start(&config.discovery);
    let (handle, jobs, listeners) = Handle::new();
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let actor = Actor {
        #[cfg(feature = "appointments")]
        appointments,
        node,
        transports,
        links,
        discovered,
        writer,
        clock,
        config,
        waiters: Waiters::default(),
        durable: Default::default(),
        log: super::EventLog::default(),
        listeners,
        jobs,
        paused: Default::default(),
        committed: mesh::RecordSeq(0),
        health: Health::Ok,
        records: refused,
        warnings,
        links_changed: true,
        stopping: false,
        notifier,
    };
    Ok(Started { actor, handle })
}

/// Appointments as their rows had them, and the rows of the node.
#[cfg(feature = "appointments")]
fn appointments(
    config: &Config,
    identity: &MeshIdentity,
    clock: &Clock,
    mut opened: Opened,
) -> Result<(Opened, Appointments), StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError(error.to_string()))?;
    let is_mailbox = config.relay_store && config.relay_mailbox;
    let mut appointments = Appointments::new(copy(identity), is_mailbox, seed);
    let (rows, others) = opened.rows.into_iter().partition(Appointments::owns);
    opened.rows = others;
    let now = clock.wall().map_or(0, |wall| wall.unix_secs);
    appointments.trust(&trusted(config));
    appointments.set_radio_region(config.appointment_region);
    appointments.restore(fapp::UnixSeconds(now), rows);
    Ok((opened, appointments))
}

#[cfg(feature = "appointments")]
fn trusted(config: &Config) -> crate::appointments::Trusted {
    let root = |(key, chamber): &([u8; 32], u8)| fapp::trust::Root { key: *key, chamber: *chamber };
    crate::appointments::Trusted {
        roots: config.appointment_roots.iter().map(root).collect(),
        observers: config.appointment_observers.clone(),
        pins: config.appointment_pins.clone(),
    }
}

/// Plays the stored rows back; returns deletions of those that the node refused.
fn restore(
    node: &mut Node,
    now: Instant,
    opened: Opened,
    data_dir: &Path,
    warnings: &mut Vec<String>,
) -> Vec<Record> {
    for damage in &opened.log.damage {
        warnings.push(format!(
            "The store's file {:010}.log was damaged ({} bytes); what holds was kept, a copy is {}.",
            damage.segment, damage.bytes, damage.copy
        ));
    }
    if opened.log.torn_bytes > 0 {
        tracing::info!("{} bytes of an unfinished write were dropped", opened.log.torn_bytes);
    }
    let mut refused = Vec::new();
    for record in opened.rows {
        // The row's bytes are kept for the copy that is set aside should it be refused.
        let kept = record.clone();
        if let Err(error) = node.restore(now, record) {
            tracing::warn!("a row of {} does not hold: {error}", kept.table.as_str());
            refused.push(kept);
        }
    }
    let bad: Vec<Record> = opened.unreadable.into_iter().chain(refused.iter().cloned()).collect();
    if !bad.is_empty() {
        let copy = quarantine(data_dir, &bad);
        let place = copy.unwrap_or_else(|error| format!("not possible: {error}"));
        warnings.push(format!("{} stored rows do not hold; a copy is {place}.", bad.len()));
    }
    refused.into_iter().map(|record| Record { value: None, ..record }).collect()
}

/// Writes rows as `table key value` in hexadecimal, for whoever wants to look.
fn quarantine(data_dir: &Path, rows: &[Record]) -> std::io::Result<String> {
    let dir = new_numbered_dir(data_dir, "damaged")?;
    let path = dir.join("rows");
    let mut file = File::create_new(&path)?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    for row in rows {
        // Secret values stay out: they were kept from readers of the disk.
        let value = row.value.as_deref().filter(|_| !row.table.is_secret()).unwrap_or_default();
        writeln!(file, "{} {} {}", row.table.as_str(), hex(&row.key), hex(value))?;
    }
    Ok(path.display().to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keys are never cloned silently: a second holder is made from the seeds.
fn copy(identity: &MeshIdentity) -> MeshIdentity {
    MeshIdentity::from_seeds(*identity.node_seed(), identity.root_seed().map(|seed| *seed))
}

/// Has sealed mail kept where the configuration says, if it does and that is not so already: a label
/// is kept over restarts.
pub(super) fn use_mailbox(node: &mut Node, now: Instant, config: &Config) {
    let Some(wanted) = config.mailbox.filter(|wanted| node.mailbox() != Some(*wanted)) else {
        return;
    };
    if let Err(error) = node.handle_command(now, Command::MailboxUse { node: Some(wanted) }) {
        tracing::warn!("messages.mailbox is not used: {error}");
    }
}

fn node_config(config: &Config) -> NodeConfig {
    let mut capabilities = Capabilities::NONE.with(Capabilities::TCP);
    if config.iroh_enabled && transports::iroh::IS_BUILT_IN {
        capabilities = capabilities.with(Capabilities::IROH);
    }
    if config.relay_forward {
        capabilities = capabilities.with(Capabilities::RELAY);
    }
    if config.relay_store {
        capabilities = capabilities.with(Capabilities::STORE);
    }
    if config.relay_store && config.relay_mailbox {
        capabilities = capabilities.with(Capabilities::MAILBOX);
    }
    let mut node = NodeConfig::default();
    node.capabilities = capabilities;
    node.custody_quota_bytes = u64::from(config.relay_quota_mib) << 20;
    node.routes_max = config.routes_max;
    // The key's row keeps it to 24.
    node.work_bits = u8::try_from(config.work_bits).unwrap_or(u8::MAX);
    node.strangers = match config.strangers {
        config::Strangers::Inbox => Strangers::Inbox,
        config::Strangers::Request => Strangers::Request,
        config::Strangers::Refuse => Strangers::Refuse,
    };
    node.diagnostics = match config.diagnostics {
        config::Diagnostics::Everyone => Audience::Everyone,
        config::Diagnostics::Contacts => Audience::Contacts,
    };
    node
}
