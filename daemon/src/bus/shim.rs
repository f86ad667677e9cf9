//! `org.freedesktop.DBus` on the private socket (`API-06`): stock clients greet a bus before they
//! ask anything, so they get one with two members, themselves and the daemon.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Notify;
use zbus::{OwnedVariant, Variant, fdo, interface, object_server::ResponseDispatchNotifier};

/// Where a bus has its object.
pub(super) const PATH: &str = "/org/freedesktop/DBus";

/// The daemon's unique name on every private connection.
pub(super) const DAEMON_NAME: &str = ":1.0";

const BUS: &str = "org.freedesktop.DBus";

/// The bus as one client sees it.
#[derive(Debug)]
pub(super) struct Shim {
    /// The client's unique name.
    pub(super) client: String,
    pub(super) guid: String,
    pub(super) client_uid: u32,
    pub(super) client_pid: Option<u32>,
    /// Told once the answer to `Hello` is on its way: clients take nothing before it.
    pub(super) greeted: Arc<Notify>,
}

impl Shim {
    fn owner(&self, name: &str) -> Option<&str> {
        match name {
            BUS => Some(BUS),
            api::BUS_NAME | DAEMON_NAME => Some(DAEMON_NAME),
            name if name == self.client => Some(&self.client),
            _ => None,
        }
    }

    fn owner_or_error(&self, name: &str) -> fdo::Result<&str> {
        self.owner(name)
            .ok_or_else(|| fdo::Error::NameHasNoOwner(format!("nobody here is named {name}")))
    }

    fn credentials(&self, name: &str) -> fdo::Result<(u32, Option<u32>)> {
        let own = (rustix::process::geteuid().as_raw(), Some(std::process::id()));
        let owner = self.owner_or_error(name)?;
        Ok(if owner == self.client { (self.client_uid, self.client_pid) } else { own })
    }
}

#[interface(name = "org.freedesktop.DBus", introspection_docs = false)]
impl Shim {
    fn hello(&self) -> ResponseDispatchNotifier<String> {
        let (answer, sent) = ResponseDispatchNotifier::new(self.client.clone());
        let greeted = Arc::clone(&self.greeted);
        tokio::spawn(async move {
            sent.await;
            greeted.notify_one();
        });
        answer
    }

    fn add_match(&self, _rule: &str) {}

    fn remove_match(&self, _rule: &str) {}

    fn request_name(&self, _name: &str, _flags: u32) -> fdo::Result<u32> {
        Err(fdo::Error::AccessDenied("names are not given away here".into()))
    }

    fn release_name(&self, _name: &str) -> u32 {
        // DBUS_RELEASE_NAME_REPLY_NON_EXISTENT
        2
    }

    fn start_service_by_name(&self, name: &str, _flags: u32) -> fdo::Result<u32> {
        // DBUS_START_REPLY_ALREADY_RUNNING
        self.owner_or_error(name).map(|_| 2)
    }

    fn name_has_owner(&self, name: &str) -> bool {
        self.owner(name).is_some()
    }

    fn get_name_owner(&self, name: &str) -> fdo::Result<&str> {
        self.owner_or_error(name)
    }

    fn list_names(&self) -> [&str; 4] {
        [BUS, api::BUS_NAME, DAEMON_NAME, &self.client]
    }

    fn list_activatable_names(&self) -> [&str; 1] {
        [BUS]
    }

    fn list_queued_owners(&self, name: &str) -> fdo::Result<[&str; 1]> {
        self.owner_or_error(name).map(|owner| [owner])
    }

    fn get_connection_unix_user(&self, name: &str) -> fdo::Result<u32> {
        self.credentials(name).map(|(uid, _)| uid)
    }

    #[zbus(name = "GetConnectionUnixProcessID")]
    fn get_connection_unix_process_id(&self, name: &str) -> fdo::Result<u32> {
        let unknown = || fdo::Error::UnixProcessIdUnknown("the kernel did not say".into());
        self.credentials(name)?.1.ok_or_else(unknown)
    }

    fn get_connection_credentials(
        &self,
        name: &str,
    ) -> fdo::Result<HashMap<&'static str, OwnedVariant>> {
        let (uid, pid) = self.credentials(name)?;
        let mut credentials = HashMap::new();
        let mut put = |key, value: u32| {
            if let Ok(value) = OwnedVariant::try_from(Variant::from(value)) {
                credentials.insert(key, value);
            }
        };
        put("UnixUserID", uid);
        if let Some(pid) = pid {
            put("ProcessID", pid);
        }
        Ok(credentials)
    }

    fn get_id(&self) -> &str {
        &self.guid
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn features(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn interfaces(&self) -> Vec<String> {
        Vec::new()
    }
}
