//! The topology as one node knows it: its links, and through which neighbour everybody else is
//! reached. What lies between a neighbour and a far node is not known, and not invented
//! (`CLI-38`, `CLI-69`).

mod layout;
mod svg;

use std::collections::BTreeMap;

use crate::show::json::{Graph, GraphEdge, GraphNode};

pub use svg::draw;
#[cfg(feature = "lab")]
pub(crate) use svg::{escaped, pixels, push};

/// Puts the topology together. The nodes are ordered: this one, then by distance and address.
pub fn topology(own: &api::Status, peers: &[api::Peer], routes: &[api::Route]) -> Graph {
    let mut far: BTreeMap<&str, (GraphNode, &str)> = BTreeMap::new();
    for route in routes.iter().filter(|route| route.address != own.address) {
        let node = node(&route.address, route.name.as_deref(), route.hops.max(1));
        far.insert(&route.address, (node, &route.next_hop));
    }
    // A neighbour is one hop away, whatever a route says.
    for peer in peers {
        far.insert(&peer.address, (node(&peer.address, peer.name.as_deref(), 1), &own.address));
    }
    let mut ordered: Vec<_> = far.into_values().collect();
    ordered.sort_by(|(a, _), (b, _)| (a.hops, &a.address).cmp(&(b.hops, &b.address)));
    let own_name = (!own.name.is_empty()).then_some(own.name.as_str());
    let mut graph = Graph { nodes: vec![node(&own.address, own_name, 0)], edges: Vec::new() };
    for (node, via) in ordered {
        let kind = if via == own.address { "link" } else { "route" };
        // A route of one hop leads straight there: its next hop is the node itself.
        let from = if via == node.address { own.address.clone() } else { via.to_owned() };
        graph.edges.push(GraphEdge { from, to: node.address.clone(), kind });
        graph.nodes.push(node);
    }
    graph
}

fn node(address: &str, name: Option<&str>, hops: u8) -> GraphNode {
    GraphNode { address: address.to_owned(), name: name.map(str::to_owned), hops }
}

/// Nodes in one picture. More cannot be told apart on any screen; a picture of this many is about
/// 300 kB.
pub const NODES_DRAWN_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn sample() -> Graph {
        let address = |digit: char| digit.to_string().repeat(32);
        let own =
            api::Status { address: address('0'), name: "home".to_owned(), ..Default::default() };
        let peer = |digit| api::Peer { address: address(digit), ..Default::default() };
        let route = |digit, hops, next| api::Route {
            address: address(digit),
            next_hop: address(next),
            hops,
            name: (digit == 'd').then(|| "<Dora> & \x1b co".to_owned()),
            ..Default::default()
        };
        topology(
            &own,
            &[peer('b'), peer('a')],
            &[route('d', 3, 'b'), route('c', 2, 'a'), route('b', 1, 'b'), route('a', 1, 'a')],
        )
    }

    // CLI-69
    #[test]
    fn neighbours_hang_on_links_and_far_nodes_on_routes() {
        let graph = sample();
        let nodes: Vec<_> =
            graph.nodes.iter().map(|node| (&node.address[..1], node.hops)).collect();
        assert_eq!(nodes, [("0", 0), ("a", 1), ("b", 1), ("c", 2), ("d", 3)]);
        let edges: Vec<_> =
            graph.edges.iter().map(|edge| (&edge.from[..1], &edge.to[..1], edge.kind)).collect();
        assert_eq!(
            edges,
            [("0", "a", "link"), ("0", "b", "link"), ("a", "c", "route"), ("b", "d", "route")]
        );
    }

    // CLI-38
    #[test]
    fn the_picture_is_well_formed_and_the_same_every_time() {
        let picture = draw(&sample());
        assert_eq!(picture, draw(&sample()));
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        assert!(picture.contains("&lt;Dora&gt; &amp; \\x1b co"));
        assert!(picture.contains("prefers-color-scheme: dark"));
        for absent in ["<script", "href", "url(", "@import", "-0.0", "NaN"] {
            assert!(!picture.contains(absent), "{absent}");
        }
        assert_eq!(picture.matches("<circle").count(), 5);
        assert_eq!(picture.matches("<line").count(), 4);
    }

    // CLI-38
    #[test]
    fn a_large_mesh_is_drawn_up_to_the_bound() {
        let own = api::Status { address: format!("{:032x}", 0), ..Default::default() };
        let next_hop = format!("{:032x}", 1);
        let routes: Vec<_> = (1..=1_500)
            .map(|number: u32| api::Route {
                address: format!("{number:032x}"),
                next_hop: next_hop.clone(),
                hops: if number == 1 { 1 } else { 2 },
                ..Default::default()
            })
            .collect();
        let graph = topology(&own, &[], &routes);
        assert_eq!(graph.nodes.len(), 1_501);
        let picture = draw(&graph);
        assert_eq!(picture.matches("<circle").count(), NODES_DRAWN_MAX);
        assert!(picture.contains("501 more are not drawn"));
    }

    #[test]
    fn a_node_alone_is_a_picture_too() {
        let own = api::Status { address: "f".repeat(32), ..Default::default() };
        let picture = draw(&topology(&own, &[], &[]));
        assert_eq!(picture.matches("<circle").count(), 1);
        assert!(picture.contains("ffffffff"));
    }
}
