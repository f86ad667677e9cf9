//! Attacks that need more than a handful of nodes (`specs/22-attacks.md`). Those that a handful shows
//! are in `mesh/src/node/tests/attacks/`.

use std::time::Duration;

use mesh::{
    Address, Command, Config, Instant, LinkCaps, LinkId, LinkUp, Medium, MeshIdentity, Node,
    announce::{Advertisement, KIND_ANNOUNCES, MeshAnnounce, Validity, write_count},
    crypto::Mode,
    identity::Capabilities,
};

const CAPS: LinkCaps = LinkCaps {
    medium: Medium::Memory,
    mtu: mesh::limits::LINK_MTU_MAX,
    bitrate_bps: 100_000_000,
    reliable: true,
    shared: false,
};

/// The links of the node under attack: the attacker's, and an honest neighbour's.
const ATTACKER: LinkId = LinkId(1);
const HONEST: LinkId = LinkId(2);

fn identity(kind: u8, number: u32) -> MeshIdentity {
    let mut seed = [kind; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    MeshIdentity::from_seeds(seed, None)
}

fn announce(identity: &MeshIdentity, seq: u32) -> MeshAnnounce {
    let validity = Validity::from_code(11).expect("11 is a valid code");
    MeshAnnounce::signed(Mode::Transparent, identity, seq, Capabilities::NONE, validity, 0)
}

fn announces(list: &[MeshAnnounce]) -> Vec<u8> {
    let mut frame = vec![1, KIND_ANNOUNCES];
    write_count(list.len(), &mut frame);
    for announce in list {
        Advertisement { hops: 1, cost: 10, announce: *announce }.write(&mut frame);
    }
    frame
}

/// A node under attack, and its clock.
struct Victim {
    node: Node,
    now: Instant,
}

impl Victim {
    fn new(routes_max: u32, contacts: &[Address]) -> Self {
        let now = Instant::from_secs(1);
        let mut config = Config::default();
        config.crypto = Mode::Transparent;
        config.routes_max = routes_max;
        let mut node = Node::new(now, config, identity(1, 0), [9; 32]);
        node.start(now, None);
        for (link, number) in [(ATTACKER, 1), (HONEST, 2)] {
            let peer = identity(2, number).public();
            node.handle_link_up(now, LinkUp { link, caps: CAPS, peer });
        }
        let mut victim = Self { node, now };
        for (number, &address) in contacts.iter().enumerate() {
            let add = Command::ContactAdd { name: format!("{number}"), address, root_key: None };
            victim.node.handle_command(victim.now, add).expect("there is room for contacts");
        }
        victim.drain();
        victim
    }

    fn hear(&mut self, link: LinkId, list: &[MeshAnnounce]) {
        self.node.handle_frame(self.now, link, &announces(list));
        self.now += Duration::from_millis(5);
        self.node.handle_timeout(self.now);
        self.drain();
    }

    /// Takes everything the node has to give, as a driver does.
    fn drain(&mut self) {
        let mut through = None;
        while let Some((seq, _)) = self.node.poll_record() {
            through = Some(seq);
        }
        let mut frame = Vec::new();
        while let Some(link) = self.node.poll_link() {
            while self.node.poll_transmit(self.now, link, &mut frame).is_some() {
                frame.clear();
            }
        }
        while self.node.poll_event().is_some() {}
        if let Some(seq) = through {
            self.node.handle_committed(self.now, seq);
        }
    }

    fn routes(&self) -> u32 {
        self.node.status().routes
    }
}

/// ATK-09, met by RT-40: a hundred thousand invented nodes through one neighbour. What is kept of
/// them stops growing at the neighbour's share; contacts are found through it and beside it.
#[test]
fn atk_09_sybils_fill_one_share_and_contacts_stay_reachable() {
    const SYBILS: u32 = 100_000;
    const ROUTES_MAX: u32 = 4_000;
    let friends: Vec<MeshIdentity> = (0..20).map(|number| identity(3, number)).collect();
    let addresses: Vec<Address> = friends.iter().map(MeshIdentity::address).collect();
    let mut victim = Victim::new(ROUTES_MAX, &addresses);
    let announced: Vec<MeshAnnounce> = friends.iter().map(|friend| announce(friend, 1)).collect();
    victim.hear(HONEST, &announced[..10]);
    let mut kept = Vec::new();
    let invented: Vec<u32> = (0..SYBILS).collect();
    for (round, numbers) in invented.chunks(128).enumerate() {
        let list: Vec<MeshAnnounce> =
            numbers.iter().map(|number| announce(&identity(4, *number), 1)).collect();
        victim.hear(ATTACKER, &list);
        if round % 100 == 99 {
            kept.push(victim.routes());
        }
    }
    let share = ROUTES_MAX / 4;
    assert!(kept.iter().all(|routes| *routes <= share + 2 + 10), "{kept:?}");
    assert!(kept.windows(2).all(|pair| pair[0] == pair[1]), "it goes on growing: {kept:?}");
    // The flood stands; the other half of the contacts appears, behind the attacker of all places.
    victim.hear(ATTACKER, &announced[10..15]);
    victim.hear(HONEST, &announced[15..]);
    for (number, address) in addresses.iter().enumerate() {
        assert!(victim.node.route(address).is_some(), "contact {number} is out of reach");
    }
    // Strangers beside the attacker are heard as well.
    let stranger = identity(5, 1);
    victim.hear(HONEST, &[announce(&stranger, 1)]);
    assert!(victim.node.route(&stranger.address()).is_some());
    let status = victim.node.status();
    assert_eq!((status.custody, status.outbox, status.inbox), (0, 0, 0));
}
