//! Where each node goes: this one in the middle, the others on rings by distance, everybody in
//! the sector of the neighbour it is reached through.

use std::{collections::BTreeMap, f64::consts::TAU};

use crate::show::json::{Graph, GraphNode};

/// A node with its place.
pub(super) struct Placed<'a> {
    /// The node.
    pub(super) node: &'a GraphNode,
    /// Right of the middle, in pixels.
    pub(super) x: f64,
    /// Below the middle, in pixels.
    pub(super) y: f64,
    /// Direction from the middle in radians, 0 to the right, clockwise.
    pub(super) angle: f64,
}

/// A picture in the making.
pub(super) struct Layout<'a> {
    /// The nodes that are drawn, in the graph's order.
    pub(super) placed: Vec<Placed<'a>>,
    /// How far from the middle the outermost ring is, in pixels.
    pub(super) radius: f64,
    /// So many nodes that labels have to stand like spokes.
    pub(super) crowded: bool,
}

/// Places the first [`super::NODES_DRAWN_MAX`] nodes of a graph.
pub(super) fn place(graph: &Graph) -> Layout<'_> {
    let nodes = &graph.nodes[..graph.nodes.len().min(super::NODES_DRAWN_MAX)];
    let sectors = sectors(graph, nodes);
    let slots: usize = sectors.iter().map(|(_, members)| members.len().max(1)).sum();
    let crowded = slots > HORIZONTAL_LABELS_MAX;
    let spacing = if crowded { SPOKE_SPACING } else { LABEL_SPACING };
    let inner = (slots as f64 * spacing / TAU).max(RING_GAP);
    let mut angles = BTreeMap::new();
    let mut slot = 0;
    for (neighbour, members) in &sectors {
        let width = members.len().max(1);
        angles.insert(*neighbour, angle(slot as f64 + (width - 1) as f64 / 2.0, slots));
        for (position, member) in members.iter().enumerate() {
            angles.insert(*member, angle((slot + position) as f64, slots));
        }
        slot += width;
    }
    let placed: Vec<_> = nodes.iter().map(|node| put(node, &angles, inner)).collect();
    let radius = placed.iter().map(|placed| ring(placed.node.hops, inner)).fold(0.0, f64::max);
    Layout { placed, radius, crowded }
}

/// Every neighbour with the far nodes reached through it, both in the graph's order.
fn sectors<'a>(graph: &'a Graph, nodes: &'a [GraphNode]) -> Vec<(&'a str, Vec<&'a str>)> {
    let drawn = nodes.len().saturating_sub(1);
    let mut sectors: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut index = BTreeMap::new();
    // The edge to node n + 1 is edge n.
    for edge in &graph.edges[..drawn] {
        if edge.from == nodes[0].address {
            index.insert(edge.to.as_str(), sectors.len());
            sectors.push((&edge.to, Vec::new()));
        }
    }
    for edge in &graph.edges[..drawn] {
        match index.get(edge.from.as_str()) {
            Some(&sector) => sectors[sector].1.push(&edge.to),
            // Reached through a neighbour that just left: a sector of its own.
            None if edge.from != nodes[0].address => sectors.push((&edge.to, Vec::new())),
            None => {}
        }
    }
    sectors
}

/// Slots go round clockwise from the top.
fn angle(slot: f64, slots: usize) -> f64 {
    slot / slots as f64 * TAU - TAU / 4.0
}

fn put<'a>(node: &'a GraphNode, angles: &BTreeMap<&str, f64>, inner: f64) -> Placed<'a> {
    let angle = angles.get(node.address.as_str()).copied().unwrap_or_default();
    let radius = ring(node.hops, inner);
    Placed { node, x: radius * angle.cos(), y: radius * angle.sin(), angle }
}

fn ring(hops: u8, inner: f64) -> f64 {
    match hops {
        0 => 0.0,
        hops => inner + f64::from(hops - 1) * RING_GAP,
    }
}

/// Pixels between rings.
const RING_GAP: f64 = 110.0;
/// Pixels along the inner ring that a horizontal label of eight characters needs.
const LABEL_SPACING: f64 = 72.0;
/// Pixels along the inner ring that a label standing like a spoke needs.
const SPOKE_SPACING: f64 = 16.0;
/// With more nodes than this the labels stand like spokes.
const HORIZONTAL_LABELS_MAX: usize = 24;
