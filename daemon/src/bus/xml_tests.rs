//! The committed introspection XML against the code, in both directions (`API-10`).
