//! Who has a link to whom.

use std::collections::BTreeSet;

use crate::{rng::Rng, scenario::Shape};

/// The links of a mesh of `nodes`, each as a pair of node indices with the lower one first.
///
/// Every topology is connected: what a partition cuts is the fault's doing, not the map's.
pub fn edges(shape: Shape, nodes: usize, degree: usize, rng: &mut Rng) -> Vec<(usize, usize)> {
    match shape {
        Shape::Line => line(nodes),
        Shape::Ring => ring(nodes),
        Shape::Grid => grid(nodes),
        Shape::Geometric => geometric(nodes, degree, rng),
        Shape::Hub => (1..nodes).map(|leaf| (0, leaf)).collect(),
    }
}

/// Adds `count` links between random pairs that have none.
pub fn add_shortcuts(edges: &mut Vec<(usize, usize)>, nodes: usize, count: usize, rng: &mut Rng) {
    let mut taken: BTreeSet<(usize, usize)> = edges.iter().copied().collect();
    let room = nodes * nodes.saturating_sub(1) / 2 - taken.len();
    for _ in 0..count.min(room) {
        loop {
            let (a, b) = (rng.index(nodes), rng.index(nodes));
            let pair = (a.min(b), a.max(b));
            if a != b && taken.insert(pair) {
                edges.push(pair);
                break;
            }
        }
    }
}

fn line(nodes: usize) -> Vec<(usize, usize)> {
    (1..nodes).map(|right| (right - 1, right)).collect()
}

fn ring(nodes: usize) -> Vec<(usize, usize)> {
    let mut edges = line(nodes);
    if nodes > 2 {
        edges.push((0, nodes - 1));
    }
    edges
}

/// Rows as wide as the square root; the last row may be shorter.
fn grid(nodes: usize) -> Vec<(usize, usize)> {
    let width = nodes.isqrt().max(1);
    let mut edges = Vec::new();
    for node in 0..nodes {
        if (node + 1) % width != 0 && node + 1 < nodes {
            edges.push((node, node + 1));
        }
        if node + width < nodes {
            edges.push((node, node + width));
        }
    }
    edges
}

/// Nodes strewn over a unit square, linked when closer than the radius that gives the wished
/// mean degree. Islands are joined to their nearest neighbour outside.
fn geometric(nodes: usize, degree: usize, rng: &mut Rng) -> Vec<(usize, usize)> {
    let mut points: Vec<(f64, f64)> = (0..nodes).map(|_| (rng.unit(), rng.unit())).collect();
    // Sorted by x, so that candidates are a window and 10,000 nodes take no time.
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let radius = (degree as f64 / (std::f64::consts::PI * nodes as f64)).sqrt();
    let mut edges = Vec::new();
    for (left, &from) in points.iter().enumerate() {
        let window = points[left + 1..].iter().take_while(|to| to.0 - from.0 < radius);
        for (offset, &to) in window.enumerate() {
            if distance2(from, to) < radius * radius {
                edges.push((left, left + 1 + offset));
            }
        }
    }
    join_islands(&points, &mut edges);
    edges
}

fn join_islands(points: &[(f64, f64)], edges: &mut Vec<(usize, usize)>) {
    let mut islands = Islands::new(points.len());
    for &(a, b) in &*edges {
        islands.join(a, b);
    }
    loop {
        let mainland = islands.root(0);
        let Some(stray) = (0..points.len()).find(|&node| islands.root(node) != mainland) else {
            return;
        };
        let island = islands.root(stray);
        let members: Vec<usize> =
            (0..points.len()).filter(|&node| islands.root(node) == island).collect();
        let bridge = (0..points.len())
            .filter(|&node| islands.root(node) != island)
            .flat_map(|node| members.iter().map(move |&member| (member, node)))
            .min_by(|a, b| {
                distance2(points[a.0], points[a.1]).total_cmp(&distance2(points[b.0], points[b.1]))
            })
            .expect("an island leaves at least one node outside");
        islands.join(bridge.0, bridge.1);
        edges.push((bridge.0.min(bridge.1), bridge.0.max(bridge.1)));
    }
}

fn distance2(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)
}

/// Disjoint sets of nodes that can reach each other.
#[derive(Debug)]
pub struct Islands {
    parents: Vec<usize>,
}

impl Islands {
    /// Every node an island of its own.
    pub fn new(nodes: usize) -> Self {
        Self { parents: (0..nodes).collect() }
    }

    /// The node that stands for the island of `node`.
    pub fn root(&mut self, mut node: usize) -> usize {
        while self.parents[node] != node {
            self.parents[node] = self.parents[self.parents[node]];
            node = self.parents[node];
        }
        node
    }

    /// Makes one island of those of `a` and `b`.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a] = b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_connected(nodes: usize, edges: &[(usize, usize)]) -> bool {
        let mut islands = Islands::new(nodes);
        edges.iter().for_each(|&(a, b)| islands.join(a, b));
        let root = islands.root(0);
        (0..nodes).all(|node| islands.root(node) == root)
    }

    /// `SIM-03`
    #[test]
    fn every_shape_is_connected_and_free_of_doubles() {
        let shapes = [Shape::Line, Shape::Ring, Shape::Grid, Shape::Geometric, Shape::Hub];
        for shape in shapes {
            for nodes in [1, 2, 3, 7, 50, 101] {
                let edges = edges(shape, nodes, 6, &mut Rng::new(nodes as u64));
                assert!(is_connected(nodes, &edges), "{shape:?} of {nodes}");
                let mut unique = edges.clone();
                unique.sort_unstable();
                unique.dedup();
                assert_eq!(unique.len(), edges.len(), "{shape:?} of {nodes}");
                assert!(edges.iter().all(|&(a, b)| a < b && b < nodes), "{shape:?} of {nodes}");
            }
        }
    }

    /// `SIM-03`
    #[test]
    fn shortcuts_are_new_links_until_everyone_is_linked() {
        for (wished, expected) in [(0, 4), (3, 7), (100, 10)] {
            let mut edges = line(5);
            add_shortcuts(&mut edges, 5, wished, &mut Rng::new(1));
            edges.sort_unstable();
            edges.dedup();
            assert_eq!(edges.len(), expected);
        }
    }

    #[test]
    fn a_geometric_mesh_has_about_the_wished_degree() {
        let edges = edges(Shape::Geometric, 1_000, 6, &mut Rng::new(3));
        let degree = 2.0 * edges.len() as f64 / 1_000.0;
        assert!((4.5..7.0).contains(&degree), "mean degree {degree}");
    }
}
