//! Once nothing goes wrong any more, everyone reaches everyone.

use std::collections::VecDeque;

/// Hops on the shortest way from every node to `destination`; `None` where there is no way.
pub fn shortest_hops(neighbours: &[Vec<usize>], destination: usize) -> Vec<Option<u32>> {
    let mut hops = vec![None; neighbours.len()];
    hops[destination] = Some(0);
    let mut border = VecDeque::from([destination]);
    while let Some(node) = border.pop_front() {
        let next = hops[node].map(|hops| hops + 1);
        for &neighbour in &neighbours[node] {
            if hops[neighbour].is_none() {
                hops[neighbour] = next;
                border.push_back(neighbour);
            }
        }
    }
    hops
}

/// How complete the routes of a mesh are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Pairs of a node and a destination with a route.
    pub routed: u64,
    /// Pairs with a way.
    pub reachable: u64,
    /// Hops of the routes, summed.
    pub route_hops: u64,
    /// Hops of the shortest ways of the same pairs, summed.
    pub shortest_hops: u64,
}

impl Reach {
    /// Adds a pair that has a way of `shortest` hops, and the hops of its route, if any.
    pub fn add(&mut self, shortest: u32, route: Option<u8>) {
        self.reachable += 1;
        if let Some(route) = route {
            self.routed += 1;
            self.route_hops += u64::from(route);
            self.shortest_hops += u64::from(shortest);
        }
    }

    /// Whether every pair with a way has a route.
    pub fn is_complete(&self) -> bool {
        self.routed == self.reachable
    }

    /// Route hops per shortest hops: 1 when every route is a shortest one. Cheap links make longer
    /// routes reasonable.
    pub fn stretch(&self) -> f64 {
        if self.shortest_hops == 0 {
            1.0
        } else {
            self.route_hops as f64 / self.shortest_hops as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SIM-16`
    #[test]
    fn reach_compares_routes_with_ways() {
        let neighbours = [vec![1], vec![0, 2], vec![1], vec![]];
        let hops = shortest_hops(&neighbours, 0);
        assert_eq!(hops, [Some(0), Some(1), Some(2), None]);
        let mut reach = Reach::default();
        reach.add(1, Some(1));
        reach.add(2, Some(4));
        assert!(reach.is_complete());
        assert!((reach.stretch() - 5.0 / 3.0).abs() < 1e-9);
        reach.add(2, None);
        assert!(!reach.is_complete());
    }
}
