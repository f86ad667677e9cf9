//! Who may use the private socket, and who needs nobody's consent on the system bus (`API-02`,
//! `API-03`, `API-19`).

use std::fs;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything: the daemon's user and root.
    Owner,
    /// Everything but what concerns the identity and the process.
    Member,
}

/// The role of a client whose kernel credentials are `uid` and `gids`; `None`: it may do nothing.
pub(super) fn role_of(uid: u32, gids: &[u32], group: &str) -> Option<Role> {
    let own = rustix::process::geteuid().as_raw();
    if uid == own || uid == 0 {
        return Some(Role::Owner);
    }
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    is_member(uid, gids, group, &read("/etc/group"), &read("/etc/passwd")).then_some(Role::Member)
}

/// Whether a user is in a group, by the groups of its process or by name. The files of the system are
/// read at every connection, so that a change needs no restart.
fn is_member(uid: u32, gids: &[u32], group: &str, groups: &str, users: &str) -> bool {
    let Some(row) = groups.lines().map(fields).find(|row| !group.is_empty() && row[0] == group)
    else {
        return false;
    };
    if row[2].parse().is_ok_and(|gid| gids.contains(&gid)) {
        return true;
    }
    users
        .lines()
        .map(fields)
        .filter(|user| user[2].parse() == Ok(uid))
        .any(|user| row[3].split(',').any(|member| member == user[0]))
}

/// The first four fields of a line; missing ones are empty.
fn fields(line: &str) -> [&str; 4] {
    let mut fields = [""; 4];
    fields.iter_mut().zip(line.split(':')).for_each(|(field, text)| *field = text);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "root:x:0:\nquicprochat:x:990:ada,grace\nusers:x:100:\n:x:5:eve\n";
    const USERS: &str = "root:x:0:0::/:\nada:x:1000:100::/:\neve:x:1001:100::/:\n";

    /// `API-02`
    #[test]
    fn owner_and_root_may_do_everything() {
        let own = rustix::process::geteuid().as_raw();
        assert_eq!(role_of(own, &[12_345], ""), Some(Role::Owner));
        assert_eq!(role_of(0, &[12_345], ""), Some(Role::Owner));
        assert_eq!(role_of(54_321, &[54_321], "no-such-group"), None);
    }

    /// `API-03`
    #[test]
    fn members_of_the_group_may_act() {
        let member = |uid, gid| is_member(uid, &[100, gid], "quicprochat", GROUPS, USERS);
        assert!(member(1_000, 100), "listed by name");
        assert!(member(1_001, 990), "by primary group");
        assert!(!member(1_001, 100));
        assert!(!member(4_242, 100), "no such user");
        assert!(!is_member(1_001, &[5], "", GROUPS, USERS), "no group is configured");
    }
}
