//! The next-hop graph of every destination is free of loops at every sampled instant.

/// A loop in a next-hop graph, as the nodes on it, or `None`.
///
/// `next_hops[node]` is where `node` would send a frame for the destination now. The walk marks
/// each node with the walk that first met it, so that every node is visited once.
pub fn find(next_hops: &[Option<usize>]) -> Option<Vec<usize>> {
    let mut met_by = vec![usize::MAX; next_hops.len()];
    for start in 0..next_hops.len() {
        let mut node = start;
        while met_by[node] == usize::MAX {
            met_by[node] = start;
            let Some(next) = next_hops[node] else { break };
            node = next;
            if met_by[node] == start {
                return Some(circle_from(node, next_hops));
            }
        }
    }
    None
}

fn circle_from(first: usize, next_hops: &[Option<usize>]) -> Vec<usize> {
    let mut circle = vec![first];
    let mut node = next_hops[first];
    while let Some(next) = node.filter(|&next| next != first) {
        circle.push(next);
        node = next_hops[next];
    }
    circle
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SIM-15`
    #[test]
    fn loops_are_found_and_trees_are_not() {
        assert_eq!(find(&[None, Some(0), Some(1), Some(1), None]), None);
        assert_eq!(find(&[None, Some(2), Some(1)]), Some(vec![1, 2]));
        assert_eq!(find(&[Some(1), Some(2), Some(3), Some(1)]), Some(vec![1, 2, 3]));
        assert_eq!(find(&[Some(0)]), Some(vec![0]));
    }
}
