//! What goes wrong, and when: a plan drawn from the seed before the run begins.

use crate::{queue::Micros, rng::Rng, scenario::FaultModel};

/// Something that goes wrong for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing passes these links, in the given direction of each.
    Partition {
        /// Links between the two parts, each with the direction that is cut.
        cuts: Vec<(usize, Cut)>,
    },
    /// A link goes down.
    Flap {
        /// The link.
        edge: usize,
    },
    /// A node loses power.
    Crash {
        /// The node.
        node: usize,
    },
    /// A node's disk is full.
    DiskFull {
        /// The node.
        node: usize,
    },
    /// A node's wall clock jumps. Lasts for ever.
    WallJump {
        /// The node.
        node: usize,
        /// By how much.
        seconds: i64,
    },
}

/// Which direction of a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Both.
    Both,
    /// From the end with this index only.
    From(usize),
}

/// One entry of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it begins.
    pub begins: Micros,
    /// When it ends; never after the end of the load.
    pub ends: Micros,
    /// What it is.
    pub fault: Fault,
}

/// Plans all faults of a run: they begin and end between `from` and `until`.
pub fn plan(
    model: &FaultModel,
    nodes: usize,
    edges: &[(usize, usize)],
    (from, until): (Micros, Micros),
    rng: &mut Rng,
) -> Vec<Planned> {
    let mut plan = Vec::new();
    let mut enter = |rng: &mut Rng, lasts_ms: u64, fault| {
        let begins = rng.within(&(from..=until));
        plan.push(Planned { begins, ends: (begins + lasts_ms * 1_000).min(until), fault });
    };
    for _ in 0..model.partitions {
        let lasts_ms = rng.within(&model.partition_ms.range());
        let asymmetric = rng.chance(model.asymmetric_share);
        let cuts = partition(nodes, edges, asymmetric, rng);
        enter(rng, lasts_ms, Fault::Partition { cuts });
    }
    for _ in 0..if edges.is_empty() { 0 } else { model.flaps } {
        let (lasts_ms, edge) = (rng.within(&model.flap_ms.range()), rng.index(edges.len()));
        enter(rng, lasts_ms, Fault::Flap { edge });
    }
    for _ in 0..model.crashes {
        let (lasts_ms, node) = (rng.within(&model.crash_ms.range()), rng.index(nodes));
        enter(rng, lasts_ms, Fault::Crash { node });
    }
    for _ in 0..model.disk_full {
        let (lasts_ms, node) = (rng.within(&model.disk_full_ms.range()), rng.index(nodes));
        enter(rng, lasts_ms, Fault::DiskFull { node });
    }
    for _ in 0..model.wall_jumps {
        let far = rng.within(&model.wall_jump_s.range()).cast_signed();
        let seconds = if rng.chance(0.5) { far } else { -far };
        let node = rng.index(nodes);
        enter(rng, 0, Fault::WallJump { node, seconds });
    }
    plan
}

/// Cuts a connected region of at most half the nodes off from the rest.
fn partition(
    nodes: usize,
    edges: &[(usize, usize)],
    asymmetric: bool,
    rng: &mut Rng,
) -> Vec<(usize, Cut)> {
    let size = 1 + rng.index((nodes / 2).max(1));
    let mut inside = vec![false; nodes];
    inside[rng.index(nodes)] = true;
    for _ in 1..size {
        let border: Vec<usize> = edges
            .iter()
            .filter(|&&(a, b)| inside[a] != inside[b])
            .map(|&(a, b)| if inside[a] { b } else { a })
            .collect();
        if border.is_empty() {
            break;
        }
        inside[border[rng.index(border.len())]] = true;
    }
    let deaf_inside = rng.chance(0.5);
    let crossing = edges.iter().enumerate().filter(|&(_, &(a, b))| inside[a] != inside[b]);
    crossing
        .map(|(edge, &(a, _))| {
            let cut = match asymmetric {
                false => Cut::Both,
                true => Cut::From(usize::from(inside[a] != deaf_inside)),
            };
            (edge, cut)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Islands;

    const LINE: [(usize, usize); 3] = [(0, 1), (1, 2), (2, 3)];

    /// `SIM-06`
    #[test]
    fn everything_ends_when_the_load_ends() {
        let model = FaultModel {
            partitions: 5,
            flaps: 5,
            crashes: 5,
            wall_jumps: 5,
            disk_full: 5,
            ..FaultModel::default()
        };
        let plan = plan(&model, 4, &LINE, (1_000, 2_000_000), &mut Rng::new(1));
        assert_eq!(plan.len(), 25);
        for planned in &plan {
            assert!(1_000 <= planned.begins && planned.begins <= planned.ends, "{planned:?}");
            assert!(planned.ends <= 2_000_000, "{planned:?}");
        }
    }

    /// `SIM-06`
    #[test]
    fn a_partition_separates_and_a_one_sided_one_cuts_one_direction() {
        for seed in 0..50 {
            let cuts = partition(4, &LINE, false, &mut Rng::new(seed));
            let mut islands = Islands::new(4);
            for (edge, &(a, b)) in LINE.iter().enumerate() {
                if !cuts.iter().any(|&(cut, _)| cut == edge) {
                    islands.join(a, b);
                }
            }
            let root = islands.root(0);
            assert!((1..4).any(|node| islands.root(node) != root), "seed {seed}: {cuts:?}");

            let cuts = partition(2, &LINE[..1], true, &mut Rng::new(seed));
            assert!(matches!(cuts[..], [(0, Cut::From(0 | 1))]), "seed {seed}: {cuts:?}");
        }
    }
}
